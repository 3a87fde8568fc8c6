/** A storage that ends with the process: for Node, for tests, and for browsers that refuse IndexedDB. */

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

export class MemoryStorage implements Storage {
  #user: UserRecord = NO_USER;
  readonly #conversations = new Map<string, ConversationRecord>();
  readonly #messages = new Map<string, Map<number, Message>>();
  readonly #held = new Map<string, readonly Range[]>();
  readonly #deleted = new Map<string, Set<string>>();
  #outbox: OutboxRecord[] = [];
  #position = 0;
  readonly #intents = new Map<string, Intent>();
  readonly #people = new Map<string, User>();

  async load(): Promise<Stored> {
    return {
      user: this.#user,
      conversations: [...this.#conversations.values()],
      outbox: [...this.#outbox],
      intents: [...this.#intents.values()],
      people: [...this.#people.values()],
      deleted: [...this.#deleted].map(([conversationId, ids]) => ({ conversationId, messageIds: [...ids] })),
    };
  }

  async messages(conversationId: string, [from, to]: Range): Promise<StoredRange> {
    const all = [...(this.#messages.get(conversationId)?.values() ?? [])];
    const messages = all.filter(({ seq }) => seq >= from && seq <= to).sort((a, b) => a.seq - b.seq);
    return { messages, held: this.#held.get(conversationId) ?? [] };
  }

  async apply(changes: Changes): Promise<void> {
    if (changes.user !== undefined && changes.user.version >= this.#user.version) this.#user = changes.user;
    for (const id of changes.reset ?? []) {
      this.#messages.delete(id);
      this.#held.delete(id);
    }
    for (const { conversationId, messageIds } of changes.deleted ?? []) {
      const deleted = this.#deleted.get(conversationId) ?? new Set();
      this.#deleted.set(conversationId, deleted);
      for (const id of messageIds) deleted.add(id);
      this.#drop(conversationId, ({ messageId }) => messageIds.includes(messageId));
    }
    for (const record of changes.conversations ?? []) {
      const { conversationId } = record;
      if (replaces(record, this.#conversations.get(conversationId))) this.#conversations.set(conversationId, record);
    }
    for (const message of changes.messages ?? []) this.#put(message);
    for (const { conversationId, range } of changes.held ?? []) {
      this.#held.set(conversationId, addRange(this.#held.get(conversationId) ?? [], range));
    }
    for (const { conversationId, seq } of changes.cleared ?? [])
      this.#drop(conversationId, (message) => message.seq <= seq);
  }

  #put(message: Message): void {
    const { conversationId, seq, clientMessageId, messageId } = message;
    if (clientMessageId !== "") {
      this.#outbox = this.#outbox.filter((record) => record.clientMessageId !== clientMessageId);
    }
    if (this.#deleted.get(conversationId)?.has(messageId)) return;
    const messages = this.#messages.get(conversationId) ?? new Map<number, Message>();
    this.#messages.set(conversationId, messages);
    if ((messages.get(seq)?.version ?? -1) < message.version) messages.set(seq, message);
  }

  #drop(conversationId: string, goes: (message: Message) => boolean): void {
    const messages = this.#messages.get(conversationId);
    for (const message of messages?.values() ?? []) if (goes(message)) messages?.delete(message.seq);
  }

  async appendOutbox(record: Omit<OutboxRecord, "position">): Promise<number> {
    this.#position += 1;
    this.#outbox.push({ ...record, position: this.#position });
    return this.#position;
  }

  async putOutbox(record: OutboxRecord): Promise<void> {
    this.#outbox = this.#outbox.map((kept) => (kept.position === record.position ? record : kept));
  }

  async removeOutbox(clientMessageId: string): Promise<void> {
    this.#outbox = this.#outbox.filter((record) => record.clientMessageId !== clientMessageId);
  }

  async outbox(): Promise<readonly OutboxRecord[]> {
    return [...this.#outbox];
  }

  async putIntent(intent: Intent): Promise<void> {
    this.#intents.set(`${intent.kind}/${intent.conversationId}`, intent);
  }

  async removeIntent(intent: Intent): Promise<void> {
    const key = `${intent.kind}/${intent.conversationId}`;
    if (JSON.stringify(this.#intents.get(key)) === JSON.stringify(intent)) this.#intents.delete(key);
  }

  async putPerson(user: User): Promise<void> {
    this.#people.set(user.userId, user);
  }

  close(): void {}

  async destroy(): Promise<void> {
    this.#user = NO_USER;
    this.#outbox = [];
    for (const kept of [this.#conversations, this.#messages, this.#held, this.#deleted, this.#intents, this.#people]) {
      kept.clear();
    }
  }
}
