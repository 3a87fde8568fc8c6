/** One conversation: its state, its messages, and what can be done in it. */

import { toBinary } from "@bufbuild/protobuf";
import type { Caller } from "./caller.js";
import { asSkeinError, SkeinError } from "./error.js";
import {
  type ConversationEntry,
  ConversationEntrySchema,
  ConversationService,
} from "./gen/skein/v1/conversation_pb.js";
import { GroupService } from "./gen/skein/v1/group_pb.js";
import { MessageService, type Message as WireMessage } from "./gen/skein/v1/message_pb.js";
import { ReceiptService } from "./gen/skein/v1/receipt_pb.js";
import { History } from "./history.js";
import type { Content } from "./model/content.js";
import type { ConversationState, Group, Member, Mute, Readers, Role } from "./model/conversation.js";
import { groupFromWire, messageFromWire, muteToWire, roleToWire } from "./model/convert.js";
import { contentFromWire, contentToWire } from "./model/convert_content.js";
import type { Edit, Message, OutgoingMessage, SendOptions } from "./model/message.js";
import { type Observable, Value } from "./observable.js";
import { emptyEntry, foldEntry } from "./replica/entry.js";
import { Roster } from "./roster.js";
import type { Signals } from "./signal/signals.js";
import { type ConversationRecord, type Intent, type OutboxRecord, replaces, type Storage } from "./storage/storage.js";
import { uuidV7 } from "./uuid.js";

/** What conversations need of their client. */
export interface ConversationContext {
  readonly me: string;
  readonly caller: Caller;
  readonly storage: Storage;
  readonly written: () => Promise<void>;
  /** Hands answers of operations to the tab that leads. */
  readonly absorb: (entries: readonly Uint8Array[], messages: readonly Message[]) => void;
  /** The outbox in the storage has changed. */
  readonly outboxChanged: () => Promise<void>;
  /** The user timeline has changed by an operation of ours. */
  readonly pullUser: () => void;
  readonly putIntent: (intent: Intent) => Promise<void>;
  readonly signals: Signals;
  /** Somebody looks at this conversation: what comes without a version is asked for. */
  readonly look: (conversationId: string) => void;
}

/** Acked sends that are remembered, so that a list of the outbox that was read a moment before does not show them again. */
const ACKED_MAX = 1_024;
/** Messages of one call. */
const DELETES_MAX = 100;

export class Conversation implements Observable<ConversationState> {
  readonly #value: Value<ConversationState>;
  readonly #histories = new Set<History>();
  readonly #roster: Roster;
  #record: ConversationRecord | undefined;
  #outgoing: readonly OutgoingMessage[] = [];
  readonly #acked = new Set<string>();
  #read = 0;
  #draft: string | undefined;

  /** Applications get conversations from the client. */
  constructor(
    readonly id: string,
    private readonly context: ConversationContext,
  ) {
    this.#value = new Value(guessEntry(id, context.me));
    this.#roster = new Roster(context.caller, id);
  }

  get current(): ConversationState {
    return this.#value.current;
  }

  get subscribe(): (listener: () => void) => () => void {
    return this.#value.subscribe;
  }

  /** The user's own remark, else the name of the group or of the other. Empty for notes to oneself. */
  get displayTitle(): string {
    return this.current.remark || this.current.title;
  }

  /** Whether it belongs into the list. */
  get listed(): boolean {
    const { version, member, hidden } = this.current;
    return (version > 0 && member && !hidden) || (this.#outgoing.length > 0 && !hidden);
  }

  /** The members of a group: fetched when first watched, and kept fresh. */
  get members(): Observable<readonly Member[]> {
    return this.#roster;
  }

  /** Who of the others writes here just now, the latest last. */
  get writing(): Observable<readonly string[]> {
    return this.context.signals.typing.in(this.id);
  }

  /** Tells the others that one writes here. To be called with every key: one in three seconds is sent. */
  typing(): void {
    this.context.signals.write(this.id);
  }

  /** Its messages. Close it when they are out of sight. */
  open(): History {
    const { me, caller, storage, written } = this.context;
    const history = new History(
      {
        conversationId: this.id,
        me,
        caller,
        storage,
        written,
        state: () => this.current,
        outgoing: () => this.#outgoing,
        cursors: () => this.#record?.cursors ?? [],
      },
      () => this.#histories.delete(history),
    );
    this.#histories.add(history);
    this.context.look(this.id);
    return history;
  }

  /** Written down here before it resolves; it goes out once, in order, also after a reload or without a connection now. */
  async send(content: Content, options: SendOptions = {}): Promise<OutgoingMessage> {
    const record = {
      clientMessageId: uuidV7(),
      conversationId: this.id,
      content,
      clientTimeMs: Date.now(),
      options,
    };
    const position = await this.context.storage.appendOutbox(record).catch(notKept);
    await this.context.outboxChanged();
    return outgoingOf({ ...record, position });
  }

  /** Sends a failed one again. */
  async retry(clientMessageId: string): Promise<void> {
    const records = await this.context.storage.outbox();
    const record = records.find((kept) => kept.clientMessageId === clientMessageId);
    if (record === undefined) return;
    const { failed: _, ...again } = record;
    await this.context.storage.putOutbox(again).catch(notKept);
    await this.context.outboxChanged();
  }

  /** Takes one back that is not sent. One that is on its way may still arrive. */
  async cancel(clientMessageId: string): Promise<void> {
    await this.context.storage.removeOutbox(clientMessageId);
    await this.context.outboxChanged();
  }

  async recall({ messageId }: Message): Promise<void> {
    const request = { conversationId: this.id, messageId: BigInt(messageId) };
    this.#absorb([], [(await this.context.caller.call(MessageService.method.recallMessage, request)).message]);
  }

  async edit({ messageId }: Message, content: Content): Promise<void> {
    const request = { conversationId: this.id, messageId: BigInt(messageId), content: contentToWire(content) };
    this.#absorb([], [(await this.context.caller.call(MessageService.method.editMessage, request)).message]);
  }

  /** The former contents, oldest first. */
  async edits({ messageId }: Message): Promise<readonly Edit[]> {
    const request = { conversationId: this.id, messageId: BigInt(messageId) };
    const { edits } = await this.context.caller.call(MessageService.method.listEdits, request);
    return edits.map((edit) => ({ content: contentFromWire(edit.content), timeMs: Number(edit.timeMs) }));
  }

  /** From the user's own view, on all devices. */
  async delete(messages: readonly Message[]): Promise<void> {
    const ids = messages.map(({ messageId }) => messageId);
    for (let from = 0; from < ids.length; from += DELETES_MAX) {
      const some = ids.slice(from, from + DELETES_MAX);
      const request = { conversationId: this.id, messageIds: some.map(BigInt) };
      await this.context.caller.call(MessageService.method.deleteMessages, request);
      this.drop(some);
      this.context.pullUser();
    }
  }

  /** Sends copies to other conversations, one by one or merged into one message. */
  async forward(
    messages: readonly Message[],
    to: readonly Conversation[],
    options: { readonly merged?: boolean; readonly title?: string } = {},
  ): Promise<void> {
    await this.context.caller.call(MessageService.method.forwardMessages, {
      fromConversationId: this.id,
      messageIds: messages.map(({ messageId }) => BigInt(messageId)),
      toConversationIds: to.map(({ id }) => id),
      merged: options.merged ?? false,
      title: options.title ?? "",
      clientMessageId: uuidV7(),
    });
    await Promise.all(to.map((conversation) => conversation.refresh()));
  }

  /** Up to this seq, by default to the last. Shown at once; kept, and told to the server when there is a connection. */
  async markRead(seq: number = this.current.lastSeq): Promise<void> {
    if (seq <= Math.max(this.#read, this.current.readSeq)) return;
    await this.context.putIntent({ kind: "read", conversationId: this.id, seq });
  }

  /** Who has read a message of one's own, who has it, who has not. */
  async readers({ seq }: Message): Promise<Readers> {
    const request = { conversationId: this.id, seq: BigInt(seq) };
    const answer = await this.context.caller.call(ReceiptService.method.listReaders, request);
    return {
      read: answer.read.map(({ userId, timeMs }) => ({ userId: String(userId), timeMs: Number(timeMs) })),
      unreadIds: answer.unreadIds.map(String),
      deliveredIds: answer.deliveredIds.map(String),
    };
  }

  async update(change: {
    readonly pinned?: boolean;
    readonly mute?: Mute;
    readonly remark?: string;
    readonly hidden?: boolean;
    readonly archived?: boolean;
  }): Promise<void> {
    const { mute, ...rest } = change;
    const request = { conversationId: this.id, ...rest, ...(mute === undefined ? {} : { mute: muteToWire(mute) }) };
    this.#absorb([(await this.context.caller.call(ConversationService.method.updateConversation, request)).entry], []);
  }

  /** Kept here at once, told to the other devices after a pause in typing. */
  setDraft(text: string): void {
    if (text === this.current.draft) return;
    this.context.putIntent({ kind: "draft", conversationId: this.id, text }).catch(() => {});
  }

  /** Forgets the history up to now, for the user only. */
  async clear(): Promise<void> {
    const request = { conversationId: this.id };
    this.#absorb([(await this.context.caller.call(ConversationService.method.clearConversation, request)).entry], []);
  }

  /** Clears it and takes it off the list; it comes back with the next message. */
  async remove(): Promise<void> {
    const request = { conversationId: this.id };
    this.#absorb([(await this.context.caller.call(ConversationService.method.deleteConversation, request)).entry], []);
  }

  async group(): Promise<Group> {
    const { group } = await this.context.caller.call(GroupService.method.getGroup, { conversationId: this.id });
    if (group === undefined) throw new SkeinError("NOT_FOUND", "there is no such group");
    return groupFromWire(group);
  }

  async rename(name: string): Promise<void> {
    await this.context.caller.call(GroupService.method.renameGroup, { conversationId: this.id, name });
    await this.refresh();
  }

  async addMembers(userIds: readonly string[]): Promise<void> {
    const request = { conversationId: this.id, userIds: userIds.map(BigInt) };
    await this.context.caller.call(GroupService.method.addMembers, request);
    await this.refresh();
  }

  async removeMembers(userIds: readonly string[]): Promise<void> {
    const request = { conversationId: this.id, userIds: userIds.map(BigInt) };
    await this.context.caller.call(GroupService.method.removeMembers, request);
    await this.refresh();
  }

  async setRole(userId: string, role: Role): Promise<void> {
    const request = { conversationId: this.id, userId: BigInt(userId), role: roleToWire(role) };
    await this.context.caller.call(GroupService.method.setRole, request);
    await this.refresh();
  }

  async leave(): Promise<void> {
    await this.context.caller.call(GroupService.method.leaveGroup, { conversationId: this.id });
    this.#roster.invalidate();
    // The entry itself is not given any more to those who are not in it; and the line about it is pushed to the other devices only.
    this.context.pullUser();
  }

  /** Asks for the own entry: what an operation has changed need not have come as a push yet. */
  async refresh(): Promise<void> {
    this.#roster.invalidate();
    const request = { conversationId: this.id };
    this.#absorb([(await this.context.caller.call(ConversationService.method.getConversation, request)).entry], []);
  }

  #absorb(entries: readonly (ConversationEntry | undefined)[], messages: readonly (WireMessage | undefined)[]): void {
    this.context.absorb(
      entries.filter((entry) => entry !== undefined).map((entry) => toBinary(ConversationEntrySchema, entry)),
      messages.filter((message) => message !== undefined).map(messageFromWire),
    );
  }

  // What follows is called by the client's state, not by applications.

  /** @internal */
  takeRecord(record: ConversationRecord, messages: readonly Message[] = []): void {
    // A tab that led before may not know yet that it does not any more.
    if (replaces(record, this.#record)) this.#record = record;
    if (messages.some(({ content }) => content.type === "system")) this.#roster.invalidate();
    this.takeMessages(messages);
  }

  /** @internal */
  takeMessages(messages: readonly Message[]): void {
    for (const { clientMessageId, senderId } of messages) {
      if (senderId === this.context.me && clientMessageId !== "") this.#acked.add(clientMessageId);
    }
    for (const oldest of this.#acked) {
      if (this.#acked.size <= ACKED_MAX) break;
      this.#acked.delete(oldest);
    }
    if (this.#outgoing.some(({ clientMessageId }) => this.#acked.has(clientMessageId))) {
      this.#outgoing = this.#outgoing.filter(({ clientMessageId }) => !this.#acked.has(clientMessageId));
    }
    this.#show();
    for (const history of this.#histories) history.update(messages);
  }

  /** @internal */
  takeOutbox(records: readonly OutboxRecord[]): void {
    if (records.length === 0 && this.#outgoing.length === 0) return;
    this.#outgoing = records.filter(({ clientMessageId }) => !this.#acked.has(clientMessageId)).map(outgoingOf);
    for (const history of this.#histories) history.update();
  }

  /** @internal */
  takeIntent(intent: Intent): void {
    if (intent.kind === "read") this.#read = Math.max(this.#read, intent.seq);
    else this.#draft = intent.text;
    this.#show();
  }

  /** @internal The server has the draft: what it says counts again. */
  draftTold(text: string): void {
    if (this.#draft !== text) return;
    this.#draft = undefined;
    this.#show();
  }

  /** @internal */
  drop(messageIds: readonly string[]): void {
    for (const history of this.#histories) history.drop(messageIds);
  }

  /** @internal */
  reset(): void {
    for (const history of this.#histories) history.reset();
  }

  /** @internal A connection is there again. */
  retryLoads(): void {
    this.#roster.retry();
    if (this.#histories.size > 0) this.context.look(this.id);
    for (const history of this.#histories) history.update();
  }

  #show(): void {
    const record = this.#record;
    const base = record?.entry ?? guessEntry(this.id, this.context.me);
    const entry = foldEntry(base, record?.tail ?? [], this.context.me, record?.head);
    const draft = this.#draft ?? entry.draft;
    this.#value.set({ ...entry, ...this.#asRead(entry), draft });
  }

  /** What was read here counts at once: above it there are not more unread messages than seqs. What the server has learnt counts as it says. */
  #asRead({ readSeq, lastSeq, unread, mentioned }: ConversationState) {
    if (this.#read <= readSeq) return {};
    const left = Math.min(unread, Math.max(0, lastSeq - this.#read));
    return { readSeq: this.#read, unread: left, mentioned: mentioned && left > 0 };
  }
}

/** The browser refuses to keep more. */
function notKept(thrown: unknown): never {
  throw new SkeinError("STORE_FULL", `it could not be written down here: ${asSkeinError(thrown).message}`, true);
}

function outgoingOf(record: OutboxRecord): OutgoingMessage {
  const { clientMessageId, conversationId, content, clientTimeMs, position, failed } = record;
  const base = { clientMessageId, conversationId, content, clientTimeMs, position };
  if (failed === undefined) return { ...base, status: "sending" };
  return { ...base, status: "failed", error: new SkeinError(failed.code as SkeinError["code"], failed.text) };
}

/** What the id alone tells: one-to-one ids name both people. */
function guessEntry(conversationId: string, me: string): ConversationState {
  const [a, b] = conversationId.split(":");
  if (a === undefined || b === undefined) return emptyEntry(conversationId, "group", "0");
  if (a === b) return emptyEntry(conversationId, "self", me);
  return emptyEntry(conversationId, "direct", a === me ? b : a);
}
