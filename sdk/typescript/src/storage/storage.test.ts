/** One suite for every storage: what the rest of the package relies on. */

import "fake-indexeddb/auto";
import { afterEach, describe, expect, it } from "vitest";
import type { ConversationState } from "../model/conversation.js";
import type { Message } from "../model/message.js";
import { emptyEntry } from "../replica/entry.js";
import { IndexedDbStorage } from "./indexeddb.js";
import { MemoryStorage } from "./memory.js";
import type { ConversationRecord, Intent, OutboxRecord, Storage } from "./storage.js";

const ID = "1:2";

function message(seq: number, change: Partial<Message> = {}): Message {
  return {
    messageId: String(100 + seq),
    conversationId: ID,
    seq,
    version: seq,
    senderId: "2",
    clientMessageId: `client-${seq}`,
    content: { type: "text", text: `${seq}` },
    state: "sent",
    clientTimeMs: 0,
    serverTimeMs: 0,
    changedTimeMs: 0,
    editCount: 0,
    recalledBy: "0",
    noCount: false,
    noListMove: false,
    // More than a double holds.
    sortKey: 4_611_686_018_427_387_905n + BigInt(seq),
    ...change,
  };
}

function outgoing(clientMessageId: string): Omit<OutboxRecord, "position"> {
  return { clientMessageId, conversationId: ID, content: { type: "text", text: "x" }, clientTimeMs: 1, options: {} };
}

function record(version: number, entryVersion: number, change: Partial<ConversationState> = {}): ConversationRecord {
  const entry = { ...emptyEntry(ID, "direct", "2"), version: entryVersion, ...change };
  return { conversationId: ID, entry, tail: [], version, wanted: version, cursors: [] };
}

async function seqs(storage: Storage, from = 1, to = 1_000): Promise<number[]> {
  return (await storage.messages(ID, [from, to])).messages.map(({ seq }) => seq);
}

let count = 0;
const opened: Storage[] = [];
afterEach(() => {
  for (const storage of opened.splice(0)) storage.close();
});

async function openDatabase(name: string): Promise<IndexedDbStorage> {
  const storage = await IndexedDbStorage.open(name);
  opened.push(storage);
  return storage;
}

describe.each([
  ["memory", async () => new MemoryStorage()],
  ["IndexedDB", () => openDatabase(`suite-${++count}`)],
] as const)("%s", (_name, open: () => Promise<Storage>) => {
  it("begins with nothing", async () => {
    const storage = await open();
    const { user, ...rest } = await storage.load();
    expect(user).toMatchObject({ version: 0, me: undefined });
    expect(rest).toEqual({ conversations: [], outbox: [], intents: [], people: [], deleted: [] });
    expect(await storage.messages(ID, [1, 10])).toEqual({ messages: [], held: [] });
  });

  it("gives back what it was given, in order of seq, within the range, also numbers beyond 2^53", async () => {
    const storage = await open();
    await storage.apply({ messages: [message(3), message(1), message(2), message(1, { conversationId: "1:3" })] });
    expect((await storage.messages(ID, [1, 3])).messages).toEqual([message(1), message(2), message(3)]);
    expect(await seqs(storage, 2, 2)).toEqual([2]);
    expect(await seqs(storage, 4)).toEqual([]);
  });

  it("keeps the higher version of a message, whichever comes first", async () => {
    const storage = await open();
    const edited = message(1, { version: 9, editCount: 1 });
    await storage.apply({ messages: [edited, message(1)] });
    await storage.apply({ messages: [message(1)] });
    await storage.apply({ messages: [message(2), message(2, { version: 10 })] });
    const { messages } = await storage.messages(ID, [1, 2]);
    expect(messages.map(({ version }) => version)).toEqual([9, 10]);
  });

  it("brings nothing back that was deleted, before or after it was there", async () => {
    const storage = await open();
    await storage.apply({ messages: [message(1), message(2)], deleted: [{ conversationId: ID, messageIds: ["101"] }] });
    await storage.apply({ deleted: [{ conversationId: ID, messageIds: ["102", "103"] }] });
    await storage.apply({ messages: [message(1, { version: 50 }), message(2), message(3), message(4)] });
    expect(await seqs(storage)).toEqual([4]);
    const [deleted] = (await storage.load()).deleted;
    expect(deleted?.conversationId).toBe(ID);
    expect([...(deleted?.messageIds ?? [])].sort()).toEqual(["101", "102", "103"]);
  });

  it("joins held ranges", async () => {
    const storage = await open();
    const held = (from: number, to: number) => ({ conversationId: ID, range: [from, to] as const });
    await storage.apply({ held: [held(1, 3), held(7, 9)] });
    await storage.apply({ held: [held(4, 4)] });
    expect((await storage.messages(ID, [1, 10])).held).toEqual([
      [1, 4],
      [7, 9],
    ]);
    await storage.apply({ held: [held(5, 6), held(20, 19)] });
    expect((await storage.messages(ID, [1, 10])).held).toEqual([[1, 9]]);
  });

  it("forgets on reset what was there before, not what comes with it", async () => {
    const storage = await open();
    const held = [{ conversationId: ID, range: [1, 2] as const }];
    await storage.apply({ messages: [message(1), message(2)], held });
    await storage.apply({ messages: [message(1, { conversationId: "1:3", messageId: "7" })] });
    await storage.apply({
      reset: [ID],
      messages: [message(9)],
      held: [{ conversationId: ID, range: [9, 9] }],
    });
    expect(await seqs(storage)).toEqual([9]);
    expect((await storage.messages(ID, [1, 9])).held).toEqual([[9, 9]]);
    expect((await storage.messages("1:3", [1, 9])).messages).toHaveLength(1);
  });

  it("drops what was cleared", async () => {
    const storage = await open();
    await storage.apply({ messages: [1, 2, 3, 4].map((seq) => message(seq)) });
    await storage.apply({ cleared: [{ conversationId: ID, seq: 3 }] });
    expect(await seqs(storage)).toEqual([4]);
  });

  it("does not let an older record replace a newer one", async () => {
    const storage = await open();
    await storage.apply({ conversations: [record(5, 7, { draft: "new" })] });
    await storage.apply({ conversations: [record(4, 7, { draft: "old" })] });
    await storage.apply({ conversations: [record(6, 6, { draft: "old" })] });
    await storage.apply({ user: { version: 8, me: undefined, settings: { a: "new" }, blocked: [] } });
    await storage.apply({ user: { version: 7, me: undefined, settings: { a: "old" }, blocked: [] } });
    const { conversations, user } = await storage.load();
    expect(conversations.map(({ version, entry }) => [version, entry?.draft])).toEqual([[5, "new"]]);
    expect(user.settings).toEqual({ a: "new" });
    await storage.apply({ conversations: [record(5, 7, { draft: "newest" })] });
    expect((await storage.load()).conversations[0]?.entry?.draft).toBe("newest");
  });

  it("keeps the outbox in the order of writing, and ends a record together with its message", async () => {
    const storage = await open();
    const positions = [];
    for (const id of ["a", "b", "c"]) positions.push(await storage.appendOutbox(outgoing(id)));
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    expect(new Set(positions).size).toBe(3);
    await storage.apply({ messages: [message(1, { clientMessageId: "b", senderId: "1" })] });
    expect((await storage.outbox()).map(({ clientMessageId }) => clientMessageId)).toEqual(["a", "c"]);
    expect((await storage.load()).outbox.map(({ clientMessageId }) => clientMessageId)).toEqual(["a", "c"]);
    // An older version of what is there ends it too, and so does one that was deleted meanwhile.
    await storage.apply({ messages: [message(1, { clientMessageId: "b", version: 9 })] });
    await storage.apply({ messages: [message(1, { clientMessageId: "a" })] });
    await storage.apply({ deleted: [{ conversationId: ID, messageIds: ["103"] }] });
    await storage.apply({ messages: [message(3, { clientMessageId: "c" })] });
    expect(await storage.outbox()).toEqual([]);
    expect(await storage.appendOutbox(outgoing("d"))).toBeGreaterThan(Math.max(...positions));
  });

  it("leaves the outbox alone when a message has no client id", async () => {
    const storage = await open();
    await storage.appendOutbox(outgoing(""));
    await storage.apply({ messages: [message(1, { clientMessageId: "" })] });
    expect(await storage.outbox()).toHaveLength(1);
  });

  it("changes and removes outbox records, and brings none back", async () => {
    const storage = await open();
    const position = await storage.appendOutbox(outgoing("a"));
    const failed = { ...outgoing("a"), position, failed: { code: "BLOCKED", text: "no" } };
    await storage.putOutbox(failed);
    expect(await storage.outbox()).toEqual([failed]);
    await storage.removeOutbox("a");
    await storage.removeOutbox("a");
    await storage.putOutbox(failed);
    expect(await storage.outbox()).toEqual([]);
  });

  it("keeps one intent of a kind and conversation, and removes it only while it is that one", async () => {
    const storage = await open();
    const read = (seq: number): Intent => ({ kind: "read", conversationId: ID, seq });
    const draft: Intent = { kind: "draft", conversationId: ID, text: "hm" };
    await storage.putIntent(read(1));
    await storage.putIntent(draft);
    await storage.putIntent(read(2));
    await storage.removeIntent(read(1));
    expect((await storage.load()).intents).toHaveLength(2);
    await storage.removeIntent(read(2));
    expect((await storage.load()).intents).toEqual([draft]);
  });

  it("keeps people", async () => {
    const storage = await open();
    const person = { userId: "2", username: "bob", displayName: "Bob", avatar: "", bio: "", extra: "" };
    await storage.putPerson({ ...person, state: "active", createdTimeMs: 1 });
    await storage.putPerson({ ...person, displayName: "Bobby", state: "active", createdTimeMs: 1 });
    expect((await storage.load()).people.map(({ displayName }) => displayName)).toEqual(["Bobby"]);
  });

  it("is empty after it was destroyed", async () => {
    const storage = await open();
    await storage.apply({ messages: [message(1)], conversations: [record(1, 1)] });
    await storage.appendOutbox(outgoing("a"));
    await expect(storage.destroy()).resolves.toBeUndefined();
  });
});

describe("IndexedDB over a reload and between tabs", () => {
  it("has everything again", async () => {
    const first = await openDatabase("reload");
    await first.apply({
      messages: [message(1)],
      conversations: [record(3, 4)],
      held: [{ conversationId: ID, range: [1, 1] }],
    });
    const position = await first.appendOutbox(outgoing("a"));
    await first.putIntent({ kind: "draft", conversationId: ID, text: "hm" });
    first.close();
    const second = await openDatabase("reload");
    const { conversations, outbox, intents } = await second.load();
    expect(conversations).toEqual([record(3, 4)]);
    expect(outbox).toEqual([{ ...outgoing("a"), position }]);
    expect(intents).toHaveLength(1);
    expect(await second.messages(ID, [1, 5])).toEqual({ messages: [message(1)], held: [[1, 1]] });
  });

  it("shows one tab what another has written, and orders their sends", async () => {
    const [one, two] = [await openDatabase("tabs"), await openDatabase("tabs")];
    await one.appendOutbox(outgoing("a"));
    await two.appendOutbox(outgoing("b"));
    await one.appendOutbox(outgoing("c"));
    expect((await two.outbox()).map(({ clientMessageId }) => clientMessageId)).toEqual(["a", "b", "c"]);
    await Promise.all([
      one.apply({ messages: [message(1, { version: 5 })], held: [{ conversationId: ID, range: [1, 1] }] }),
      two.apply({ messages: [message(1, { version: 4 })], held: [{ conversationId: ID, range: [2, 2] }] }),
    ]);
    const { messages, held } = await two.messages(ID, [1, 9]);
    expect(messages.map(({ version }) => version)).toEqual([5]);
    expect(held).toEqual([[1, 2]]);
  });

  it("is destroyed also while another tab has it open, which fails from then on", async () => {
    const [one, two] = [await openDatabase("destroyed"), await openDatabase("destroyed")];
    await one.apply({ messages: [message(1)] });
    await one.destroy();
    await expect(two.outbox()).rejects.toThrow();
    const again = await openDatabase("destroyed");
    expect(await seqs(again)).toEqual([]);
  });

  it("writes everything of a step or nothing", async () => {
    const storage = await openDatabase("atomic");
    const uncloneable = message(2, { content: (() => {}) as unknown as Message["content"] });
    await expect(
      storage.apply({ messages: [message(1), uncloneable], conversations: [record(1, 1)] }),
    ).rejects.toThrow();
    expect(await seqs(storage)).toEqual([]);
    expect((await storage.load()).conversations).toEqual([]);
    await storage.apply({ messages: [message(1)] });
    expect(await seqs(storage)).toEqual([1]);
  });
});
