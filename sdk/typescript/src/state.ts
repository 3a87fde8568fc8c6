/** What one tab shows: the conversations, the list, the user. Fed with changes by the tab that leads, itself or another. */

import { Conversation, type ConversationContext } from "./conversation.js";
import type { User } from "./model/account.js";
import type { Message } from "./model/message.js";
import { Value } from "./observable.js";
import { byListOrder } from "./replica/entry.js";
import type { Changes, Intent, OutboxRecord, Stored, UserRecord } from "./storage/storage.js";

export class State {
  readonly me = new Value<User | undefined>(undefined);
  readonly conversations = new Value<readonly Conversation[]>([]);
  readonly totalUnread = new Value(0);
  readonly blocked = new Value<ReadonlySet<string>>(new Set());
  readonly settings = new Value<Readonly<Record<string, string>>>({});
  readonly #all = new Map<string, Conversation>();

  constructor(private readonly context: ConversationContext) {}

  /** The one object of a conversation. */
  conversation(conversationId: string): Conversation {
    const known = this.#all.get(conversationId);
    if (known !== undefined) return known;
    const conversation = new Conversation(conversationId, this.context);
    this.#all.set(conversationId, conversation);
    return conversation;
  }

  /** Shows what the storage has. */
  restore(stored: Stored): void {
    this.#takeUser(stored.user);
    for (const record of stored.conversations) this.conversation(record.conversationId).takeRecord(record);
    for (const intent of stored.intents) this.conversation(intent.conversationId).takeIntent(intent);
    this.takeOutbox(stored.outbox);
    this.#list();
  }

  /** Shows changes. */
  apply(changes: Changes): void {
    if (changes.user !== undefined) this.#takeUser(changes.user);
    const messages = new Map<string, Message[]>();
    for (const message of changes.messages ?? []) {
      const group = messages.get(message.conversationId) ?? [];
      messages.set(message.conversationId, group);
      group.push(message);
    }
    for (const id of changes.reset ?? []) this.conversation(id).reset();
    for (const { conversationId, messageIds } of changes.deleted ?? [])
      this.conversation(conversationId).drop(messageIds);
    for (const record of changes.conversations ?? []) {
      this.conversation(record.conversationId).takeRecord(record, messages.get(record.conversationId));
      messages.delete(record.conversationId);
    }
    for (const [id, group] of messages) this.conversation(id).takeMessages(group);
    if (changes.conversations !== undefined) this.#list();
  }

  /** Shows what is waiting to be sent. */
  takeOutbox(records: readonly OutboxRecord[]): void {
    const groups = new Map<string, OutboxRecord[]>();
    for (const record of records) {
      const group = groups.get(record.conversationId) ?? [];
      groups.set(record.conversationId, group);
      group.push(record);
    }
    for (const id of groups.keys()) this.conversation(id);
    for (const [id, conversation] of this.#all) conversation.takeOutbox(groups.get(id) ?? []);
    this.#list();
  }

  takeIntent(intent: Intent): void {
    this.conversation(intent.conversationId).takeIntent(intent);
    this.#list();
  }

  /** A load that failed may work now. */
  retryLoads(): void {
    for (const conversation of this.#all.values()) conversation.retryLoads();
  }

  #takeUser(user: UserRecord): void {
    this.me.set(user.me);
    this.settings.set(user.settings);
    this.blocked.set(new Set(user.blocked));
  }

  #list(): void {
    const listed: Conversation[] = [];
    let unread = 0;
    for (const conversation of this.#all.values()) {
      const { current } = conversation;
      if (!conversation.listed) continue;
      listed.push(conversation);
      if (current.mute === "notify") unread += current.unread;
    }
    listed.sort((a, b) => byListOrder(a.current, b.current));
    this.totalUnread.set(unread);
    const { current } = this.conversations;
    const same = current.length === listed.length && current.every((conversation, at) => conversation === listed[at]);
    if (!same) this.conversations.set(listed);
  }
}
