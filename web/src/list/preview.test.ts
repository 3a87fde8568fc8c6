/** Last messages in one line. */

import type { Content, Media, Message } from "@skein/client";
import { describe, expect, test } from "vitest";
import { texts } from "../text/language";
import { contentPreview, messagePreview, tellsWho } from "./preview";

const media: Media = { id: "1", url: "", mime: "image/png", bytes: 1, name: "plan.pdf", sha256: "" };
const context = { me: "1", nameOf: (userId: string) => (userId === "2" ? "Bo" : "?"), text: texts.en };

const every: readonly [Content, string][] = [
  [{ type: "text", text: "two\n lines " }, "two lines"],
  [{ type: "text", text: " \n " }, "Empty message"],
  [{ type: "markdown", text: "# Title\n- **bold** and `code`, [link](https://x.org)" }, "Title bold and code, link"],
  [{ type: "markdown", text: "snake_case stays, *so* does 2*3" }, "snake_case stays, so does 2*3"],
  [{ type: "image", media, width: 1, height: 1 }, "Photo"],
  [{ type: "voice", media, durationMs: 65_400 }, "Voice message, 1:05"],
  [{ type: "video", media, durationMs: 1, width: 1, height: 1 }, "Video"],
  [{ type: "file", media }, "File: plan.pdf"],
  [{ type: "location", latitude: 0, longitude: 0, name: "", address: "Main St" }, "Location: Main St"],
  [{ type: "card", userId: "2", conversationId: "", title: "Bo", subtitle: "", avatar: "", url: "" }, "Card: Bo"],
  [{ type: "merged", title: "", items: [] }, "Chat history"],
  [{ type: "sticker", pack: "p", name: "wave", media }, "Sticker: wave"],
  [{ type: "link", url: "https://x.org", title: "", description: "" }, "Link: https://x.org"],
  [{ type: "custom", customType: "vote", json: "{}", summary: "A vote" }, "A vote"],
  [{ type: "system", kind: "member_left", actorId: "2", userIds: [], text: "" }, "Bo left the group"],
  [{ type: "unknown" }, "A new kind of message. Reload the page to see it."],
];

test.each(every)("%j", (content, line) => {
  expect(contentPreview(content, context)).toBe(line);
});

describe("messages that are gone", () => {
  const message = (change: Partial<Message>): Message => ({
    messageId: "1",
    conversationId: "1:2",
    seq: 1,
    version: 1,
    senderId: "2",
    clientMessageId: "",
    content: { type: "unknown" },
    state: "sent",
    clientTimeMs: 0,
    serverTimeMs: 0,
    changedTimeMs: 0,
    editCount: 0,
    recalledBy: "0",
    noCount: false,
    noListMove: false,
    sortKey: 0n,
    ...change,
  });

  test("say who took them back", () => {
    expect(messagePreview(message({ state: "recalled", recalledBy: "1" }), context)).toBe("You took back a message");
    expect(messagePreview(message({ state: "recalled", recalledBy: "2" }), context)).toBe("Bo took back a message");
    expect(messagePreview(message({ state: "recalled" }), context)).toBe("Bo took back a message");
    expect(tellsWho(message({ state: "recalled" }))).toBe(true);
  });

  test("never show what they said", () => {
    const gone = message({ state: "deleted", content: { type: "text", text: "secret" } });
    expect(messagePreview(gone, context)).toBe("Message deleted");
  });
});

test("a long text is cut before it is looked at", () => {
  expect(contentPreview({ type: "text", text: "a".repeat(1_000_000) }, context).length).toBe(160);
});
