/** What the composer sends, and whom it offers to mention. */

import type { Member, Message } from "@skein/client";
import { describe, expect, it } from "vitest";
import { bytesOf, contentOf, EVERYONE, editedContentOf } from "./content";
import { candidates, mentionQuery } from "./mentionQuery";

const member = (userId: string, displayName: string, nickname = ""): Member => ({
  userId,
  role: "member",
  joinedSeq: 1,
  version: 1,
  nickname,
  displayName,
});

describe("contentOf", () => {
  it("sends text as text and markdown as markdown", () => {
    expect(contentOf({ text: "  hi  ", atoms: [] })).toEqual({ type: "text", text: "hi" });
    expect(contentOf({ text: "**hi**", atoms: [] })).toEqual({ type: "markdown", text: "**hi**" });
    expect(contentOf({ text: " \n ", atoms: [] })).toBeUndefined();
  });

  it("tells mentions by code points, and everyone apart", () => {
    const text = " 👍 @Ann @everyone ";
    const atoms = [
      { start: 4, end: 8, userId: "7" },
      { start: 9, end: 18, userId: EVERYONE },
    ];
    expect(contentOf({ text, atoms })).toEqual({
      type: "text",
      text: "👍 @Ann @everyone",
      mentions: [{ userId: "7", offset: 2, length: 4 }],
      mentionAll: true,
    });
  });

  it("keeps what belongs to an edited message", () => {
    const reply = { messageId: "1", seq: 1, senderId: "2", excerpt: "x" };
    const message = { content: { type: "text", text: "a", reply, forwardedFrom: "9" } } as unknown as Message;
    expect(editedContentOf({ text: "b", atoms: [] }, message)).toEqual({
      type: "text",
      text: "b",
      reply,
      forwardedFrom: "9",
    });
  });

  it("counts bytes", () => expect(bytesOf("aé中👍")).toBe(1 + 2 + 3 + 4));
});

describe("mentionQuery", () => {
  it.each([
    ["@", 1, ""],
    ["hi @an", 6, "an"],
    ["你好@张", 4, "张"],
    ["(@an", 4, "an"],
  ])("finds %s", (text, caret, words) => {
    expect(mentionQuery(text, caret)).toEqual({ start: caret - words.length - 1, end: caret, words });
  });
  it.each([
    ["a@b", 3],
    ["@an ", 4],
    ["hi", 2],
    ["@an", 0],
  ])("finds none in %s at %d", (text, caret) => expect(mentionQuery(text, caret)).toBeUndefined());
});

describe("candidates", () => {
  const members = [member("1", "Me"), member("2", "Joanna"), member("3", "Ann"), member("4", "Bob", "安")];
  const names = (words: string, role: "member" | "owner" = "member") =>
    candidates(members, words, { userId: "1", role }, "everyone").map((one) => one.name);
  it("puts the beginning first, and never oneself", () => {
    expect(names("ann")).toEqual(["Ann", "Joanna"]);
    expect(names("安")).toEqual(["安"]);
    expect(names("")).toEqual(["Ann", "Joanna", "安"]);
  });
  it("offers everyone to those who govern", () => {
    expect(names("ever")).toEqual([]);
    expect(names("ever", "owner")).toEqual(["everyone"]);
    expect(names("", "owner")[0]).toBe("everyone");
  });
});
