/** The storage of a browser. Every tab of a user may write: what depends on what is there is decided inside the transaction. */

import { type DBSchema, deleteDB, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import type { User } from "../model/account.js";
import type { Message } from "../model/message.js";
import { addRange, type Range } from "./ranges.js";
import {
  type Changes,
  type ConversationRecord,
  type Intent,
  NO_USER,
  type OutboxRecord,
  replaces,
  type Storage,
  type Stored,
  type StoredRange,
  type UserRecord,
} from "./storage.js";

const SCHEMA_VERSION = 1;

interface Schema extends DBSchema {
  user: { key: string; value: UserRecord };
  conversations: { key: string; value: ConversationRecord };
  messages: { key: [string, number]; value: Message; indexes: { messageId: string } };
  held: { key: string; value: readonly Range[] };
  deleted: { key: [string, string]; value: true };
  outbox: { key: number; value: OutboxRecord; indexes: { clientMessageId: string } };
  intents: { key: [string, string]; value: Intent };
  people: { key: string; value: User };
}

type Stores = ("user" | "conversations" | "messages" | "held" | "deleted" | "outbox" | "intents" | "people")[];
const APPLIED: ("user" | "conversations" | "messages" | "held" | "deleted" | "outbox")[] = [
  "user",
  "conversations",
  "messages",
  "held",
  "deleted",
  "outbox",
];
type Writing = IDBPTransaction<Schema, typeof APPLIED, "readwrite">;

/** Every seq of a conversation, or those from one to another. */
function seqs(conversationId: string, from = 0, to = Number.MAX_SAFE_INTEGER): IDBKeyRange {
  return IDBKeyRange.bound([conversationId, from], [conversationId, to]);
}

export class IndexedDbStorage implements Storage {
  private constructor(
    private readonly name: string,
    private readonly database: IDBPDatabase<Schema>,
  ) {}

  /** Rejects where IndexedDB is refused (some private windows). */
  static async open(name: string): Promise<IndexedDbStorage> {
    const database = await openDB<Schema>(name, SCHEMA_VERSION, {
      upgrade(opened) {
        for (const store of ["user", "conversations", "held", "deleted", "intents", "people"] satisfies Stores) {
          opened.createObjectStore(store);
        }
        opened.createObjectStore("messages").createIndex("messageId", "messageId");
        const outbox = opened.createObjectStore("outbox", { keyPath: "position", autoIncrement: true });
        outbox.createIndex("clientMessageId", "clientMessageId", { unique: true });
      },
      // Another tab deletes the database or brings a newer schema: do not stand in its way.
      blocking: (_from, _to, event) => (event.target as IDBDatabase).close(),
    });
    return new IndexedDbStorage(name, database);
  }

  async load(): Promise<Stored> {
    const stores: Stores = ["user", "conversations", "outbox", "intents", "people", "deleted"];
    const read = this.database.transaction(stores);
    const [user, conversations, outbox, intents, people, deleted] = await Promise.all([
      read.objectStore("user").get("user"),
      read.objectStore("conversations").getAll(),
      read.objectStore("outbox").getAll(),
      read.objectStore("intents").getAll(),
      read.objectStore("people").getAll(),
      read.objectStore("deleted").getAllKeys(),
    ]);
    return { user: user ?? NO_USER, conversations, outbox, intents, people, deleted: grouped(deleted) };
  }

  async messages(conversationId: string, [from, to]: Range): Promise<StoredRange> {
    const read = this.database.transaction(["messages", "held"]);
    const [messages, held] = await Promise.all([
      read.objectStore("messages").getAll(seqs(conversationId, from, to)),
      read.objectStore("held").get(conversationId),
    ]);
    return { messages, held: held ?? [] };
  }

  async apply(changes: Changes): Promise<void> {
    const write = this.database.transaction(APPLIED, "readwrite");
    const done = write.done;
    const writes: Promise<unknown>[] = [];
    try {
      await applyTo(write, changes, writes);
      await Promise.all(writes);
    } catch (thrown) {
      // Together or not at all; and nobody waits for the single writes any more.
      for (const one of [...writes, done]) one.catch(() => {});
      abort(write);
      throw thrown;
    }
    await done;
  }

  async appendOutbox(record: Omit<OutboxRecord, "position">): Promise<number> {
    // The key comes from the store.
    return this.database.add("outbox", { ...record } as OutboxRecord);
  }

  async putOutbox(record: OutboxRecord): Promise<void> {
    const write = this.database.transaction("outbox", "readwrite");
    // Acked meanwhile: it must not come back.
    if ((await write.store.get(record.position)) !== undefined) await write.store.put(record);
    await write.done;
  }

  async removeOutbox(clientMessageId: string): Promise<void> {
    const write = this.database.transaction("outbox", "readwrite");
    const key = await write.store.index("clientMessageId").getKey(clientMessageId);
    if (key !== undefined) await write.store.delete(key);
    await write.done;
  }

  async outbox(): Promise<readonly OutboxRecord[]> {
    return this.database.getAll("outbox");
  }

  async putIntent(intent: Intent): Promise<void> {
    await this.database.put("intents", intent, [intent.kind, intent.conversationId]);
  }

  async removeIntent(intent: Intent): Promise<void> {
    const write = this.database.transaction("intents", "readwrite");
    const key: [string, string] = [intent.kind, intent.conversationId];
    if (JSON.stringify(await write.store.get(key)) === JSON.stringify(intent)) await write.store.delete(key);
    await write.done;
  }

  async putPerson(user: User): Promise<void> {
    await this.database.put("people", user, user.userId);
  }

  close(): void {
    this.database.close();
  }

  async destroy(): Promise<void> {
    this.database.close();
    await deleteDB(this.name);
  }
}

function abort(write: Writing): void {
  try {
    write.abort();
  } catch {
    // It has ended by itself.
  }
}

/** Starts the writes of a step; those that decide by what is there read it first. */
async function applyTo(write: Writing, changes: Changes, writes: Promise<unknown>[]): Promise<void> {
  const [users, conversations, messages, held, deleted] = [
    write.objectStore("user"),
    write.objectStore("conversations"),
    write.objectStore("messages"),
    write.objectStore("held"),
    write.objectStore("deleted"),
  ];
  const { user } = changes;
  if (user !== undefined && user.version >= ((await users.get("user"))?.version ?? 0)) {
    writes.push(users.put(user, "user"));
  }
  for (const id of changes.reset ?? []) writes.push(messages.delete(seqs(id)), held.delete(id));
  for (const { conversationId, messageIds } of changes.deleted ?? []) {
    for (const messageId of messageIds) {
      writes.push(deleted.put(true, [conversationId, messageId]));
      const key = await messages.index("messageId").getKey(messageId);
      if (key !== undefined) writes.push(messages.delete(key));
    }
  }
  for (const record of changes.conversations ?? []) {
    const kept = await conversations.get(record.conversationId);
    if (replaces(record, kept)) writes.push(conversations.put(record, record.conversationId));
  }
  await Promise.all((changes.messages ?? []).map((message) => endOutgoing(write, message, writes)));
  await Promise.all(newest(changes.messages ?? []).map((message) => put(write, message, writes)));
  for (const { conversationId, range } of changes.held ?? []) {
    writes.push(held.put(addRange((await held.get(conversationId)) ?? [], range), conversationId));
  }
  for (const { conversationId, seq } of changes.cleared ?? [])
    writes.push(messages.delete(seqs(conversationId, 0, seq)));
}

async function endOutgoing(write: Writing, { clientMessageId }: Message, writes: Promise<unknown>[]): Promise<void> {
  if (clientMessageId === "") return;
  const key = await write.objectStore("outbox").index("clientMessageId").getKey(clientMessageId);
  if (key !== undefined) writes.push(write.objectStore("outbox").delete(key));
}

/** The newest of each message: all are looked up before any is written. */
function newest(messages: readonly Message[]): readonly Message[] {
  const out = new Map<string, Message>();
  for (const message of messages) {
    const key = `${message.conversationId}/${message.seq}`;
    if ((out.get(key)?.version ?? -1) < message.version) out.set(key, message);
  }
  return [...out.values()];
}

async function put(write: Writing, message: Message, writes: Promise<unknown>[]): Promise<void> {
  const { conversationId, seq, messageId } = message;
  const messages = write.objectStore("messages");
  const [held, deleted] = await Promise.all([
    messages.get([conversationId, seq]),
    write.objectStore("deleted").getKey([conversationId, messageId]),
  ]);
  if (deleted === undefined && (held?.version ?? -1) < message.version) {
    writes.push(messages.put(message, [conversationId, seq]));
  }
}

function grouped(keys: readonly (readonly [conversationId: string, messageId: string])[]): Stored["deleted"] {
  const groups = new Map<string, string[]>();
  for (const [conversationId, messageId] of keys) {
    const group = groups.get(conversationId);
    if (group === undefined) groups.set(conversationId, [messageId]);
    else group.push(messageId);
  }
  return [...groups].map(([conversationId, messageIds]) => ({ conversationId, messageIds }));
}
