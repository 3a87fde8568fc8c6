/** Where WebSockets are broken, and where streams are too: everything still works. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClientOptions } from "../src/index.js";
import { everything, join, online, text, textOf, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** A WebSocket that a proxy breaks. */
const broken = class {
  onerror: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readyState = 0;

  constructor() {
    queueMicrotask(() => {
      this.onerror?.();
      this.onclose?.({ code: 1006, reason: "" });
    });
  }

  close(): void {}
} as unknown as NonNullable<ClientOptions["webSocket"]>;

/** A fetch for which streams never answer with a page. */
const noStreams: typeof fetch = async (input, init) => {
  const url = String(input instanceof Request ? input.url : input);
  return url.includes("/v1/events") ? new Response("no", { status: 502 }) : fetch(input, init);
};

describe.each([
  ["stream", { webSocket: broken }],
  ["poll", { webSocket: broken, fetch: noStreams }],
] as const)("over %s", (transport, options) => {
  it("messages, reads, drafts, groups and edits come and go", async () => {
    const [ann, bob] = [await join(server.address, "ann", options), await join(server.address, "bob", options)];
    await Promise.all([online(ann), online(bob)]);
    expect(ann.client.status.current).toEqual({ state: "online", transport });
    const [toBob, atBob] = [ann.client.direct(bob.userId), bob.client.direct(ann.userId)];
    for (let count = 1; count <= 30; count += 1) await toBob.send(text(`message ${count}`));
    await until(atBob, ({ lastSeq, unread }) => lastSeq === 30 && unread === 30, "all of them");
    await atBob.markRead();
    await until(toBob, ({ peerReadSeq }) => peerReadSeq === 30, "read");
    const group = await bob.client.createGroup("Crew", [ann.userId]);
    const atAnn = ann.client.conversation(group.id);
    await until(atAnn, ({ member, title }) => member && title === "Crew", "the group");
    await group.rename("Gang");
    await until(atAnn, ({ title }) => title === "Gang", "its new name");
    await group.send(text("hello"));
    await until(atAnn, ({ lastMessage }) => lastMessage?.content.type === "text", "a message in the group");
    const message = atAnn.current.lastMessage;
    if (message === undefined) throw new Error("no message");
    await group.edit(message, text("hello all"));
    await until(atAnn, ({ lastMessage }) => lastMessage?.editCount === 1, "the edit");
    await group.removeMembers([ann.userId]);
    await until(atAnn, ({ member }) => !member, "out of the group");
    expect(ann.client.conversations.current).not.toContain(atAnn);
    expect((await everything(atBob)).map(textOf)).toEqual(Array.from({ length: 30 }, (_, at) => `message ${at + 1}`));
    await Promise.all([ann.client.close(), bob.client.close()]);
  });

  it("nothing is lost when the server is killed and comes back", async () => {
    const [ann, bob] = [await join(server.address, "ann", options), await join(server.address, "bob", options)];
    await Promise.all([online(ann), online(bob)]);
    const [toBob, atBob] = [ann.client.direct(bob.userId), bob.client.direct(ann.userId)];
    const words = Array.from({ length: 40 }, (_, at) => `message ${at}`);
    for (const [at, word] of words.entries()) {
      await toBob.send(text(word));
      if (at === 15) await server.kill();
      if (at === 25) await server.restart();
    }
    await until(atBob, ({ lastSeq }) => lastSeq >= words.length, "all of them");
    await until(toBob, ({ lastSeq }) => lastSeq >= words.length, "all acked");
    expect((await everything(atBob)).map(textOf)).toEqual(words);
    expect((await everything(toBob)).map(textOf)).toEqual(words);
    await Promise.all([ann.client.close(), bob.client.close()]);
  });

  it("who is logged out elsewhere is told", async () => {
    const ann = await join(server.address, "ann", options);
    await online(ann);
    const [device] = await ann.client.devices();
    await ann.client.revokeDevice(device?.deviceId ?? "").catch(() => {});
    expect(await until(ann.client.status, ({ state }) => state === "closed", "closed")).toMatchObject({
      code: "TOKEN_REVOKED",
    });
  });
});
