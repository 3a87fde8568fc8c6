/** What is known of one conversation, and which of its changes are not. */

import type { ConversationState, Cursor } from "../model/conversation.js";
import type { Message } from "../model/message.js";
import type { ConversationRecord } from "../storage/storage.js";
import { foldEntry } from "./entry.js";

/** Changes known beyond a hole that are kept; above it a pull brings them anyway. */
const AHEAD_MAX = 1_024;
/** Messages kept beyond the entry; older ones are folded into it. */
export const TAIL_MESSAGES_MAX = 64;

/** One conversation's record, with the rules by which it grows. Each method says whether anything has changed. */
export class Known {
  record: ConversationRecord;
  /** Versions known beyond a hole. */
  readonly #ahead = new Set<number>();
  readonly #deleted: Set<string>;

  constructor(
    stored: ConversationRecord | string,
    private readonly me: string,
    private readonly tailMessagesMax: number,
    deleted: readonly string[] = [],
  ) {
    this.#deleted = new Set(deleted);
    this.record =
      typeof stored === "string"
        ? { conversationId: stored, entry: undefined, tail: [], version: 0, wanted: 0, cursors: [] }
        : stored;
  }

  /** Whether there are changes that have to be pulled. */
  get behind(): boolean {
    return this.record.wanted > this.record.version;
  }

  /** The last word is an own one, and nobody is known to have read it. */
  get awaitsReading(): boolean {
    const { entry, tail, cursors } = this.record;
    const last = tail.at(-1) ?? entry?.lastMessage;
    if (entry === undefined || last === undefined || entry.kind === "self" || last.senderId !== this.me) return false;
    return (
      entry.peerReadSeq < last.seq && !cursors.some(({ readSeq, userId }) => readSeq >= last.seq && userId !== this.me)
    );
  }

  /** The conversation has changed up to this version. */
  want(version: number): boolean {
    if (version <= this.record.wanted) return false;
    this.record = { ...this.record, wanted: version };
    return true;
  }

  /** The change with this version is known. */
  noteVersion(version: number): void {
    if (version <= this.record.version) return;
    this.want(version);
    this.#ahead.add(version);
    this.#closeHole();
    if (this.#ahead.size > AHEAD_MAX) this.#ahead.delete(Math.max(...this.#ahead));
  }

  /** Every change up to this version is known. */
  knownThrough(version: number): void {
    if (version <= this.record.version) return;
    this.record = { ...this.record, version, wanted: Math.max(this.record.wanted, version) };
    for (const known of this.#ahead) if (known <= version) this.#ahead.delete(known);
    this.#closeHole();
  }

  #closeHole(): void {
    let { version } = this.record;
    while (this.#ahead.delete(version + 1)) version += 1;
    this.record = { ...this.record, version };
  }

  /** Takes an entry from a push, a pull or an answer. The higher version wins. `stale`: what it counts is older than what is known; ask again. */
  mergeEntry(entry: ConversationState): "merged" | "stale" | "known" {
    const { entry: known, head } = this.record;
    if (known !== undefined && known.version > entry.version) return "known";
    // An answer that was written before messages which are folded into what is known: those must not be lost.
    if (!entry.member) {
      const { head: _, ...rest } = this.record;
      this.record = { ...rest, entry: known === undefined ? entry : { ...entry, ...this.#asLeft() }, tail: [] };
      return "merged";
    }
    const stale = known?.member === true && entry.lastSeq < known.lastSeq;
    const base = stale ? { ...entry, ...derived(known) } : withNewerLast(entry, known, this.#deleted);
    const tail = this.record.tail.filter((message) => isBeyond(base, message));
    const { head: _, ...rest } = this.record;
    const kept = head !== undefined && head.lastSeq > base.lastSeq ? { head } : {};
    this.record = { ...rest, ...kept, entry: withPeerCursors(base, known), tail };
    return stale ? "stale" : "merged";
  }

  /** Who was in it keeps what it looked like then. */
  #asLeft(): Partial<ConversationState> {
    const { entry, tail, head } = this.record;
    if (entry === undefined) return {};
    const { lastSeq, firstSeq, lastMessage, title, avatar } = foldEntry(entry, tail, this.me, head);
    return { lastSeq, firstSeq, lastMessage, title, avatar };
  }

  /** Counts of a large group, whose entry does not move with its messages. */
  mergeHead(lastSeq: number, unread: number): void {
    const { entry, head } = this.record;
    if (entry === undefined || lastSeq < Math.max(entry.lastSeq, head?.lastSeq ?? 0)) return;
    if (lastSeq === entry.lastSeq) this.record = { ...this.record, entry: { ...entry, unread } };
    else this.record = { ...this.record, head: { lastSeq, unread } };
  }

  /** The group as a pull of the conversation shows it. */
  mergeGroup(title: string, avatar: string, memberCount: number): void {
    const { entry, tail } = this.record;
    // Lines beyond the entry say the same, and would say it twice.
    if (!entry?.member || tail.some(({ content }) => content.type === "system")) return;
    if (entry.title === title && entry.avatar === avatar && entry.memberCount === memberCount) return;
    this.record = { ...this.record, entry: { ...entry, title, avatar, memberCount } };
  }

  /** Whether it was deleted by the user for itself. */
  isDeleted(messageId: string): boolean {
    return this.#deleted.has(messageId);
  }

  /** A message, for what the list shows of it. */
  noteMessage(message: Message): void {
    const { entry, tail, head } = this.record;
    if (!entry?.member || message.seq <= entry.clearedSeq || !isBeyond(entry, message)) return;
    const same = tail.find(({ seq }) => seq === message.seq);
    if (same !== undefined && same.version >= message.version) return;
    const next = [...tail.filter(({ seq }) => seq !== message.seq), message].sort((a, b) => a.seq - b.seq);
    const folded = next.splice(0, Math.max(0, next.length - this.tailMessagesMax));
    const counted = head !== undefined && (folded.at(-1)?.seq ?? 0) > head.lastSeq;
    const { head: _, ...rest } = this.record;
    this.record = {
      ...rest,
      ...(head === undefined || counted ? {} : { head }),
      entry: foldEntry(entry, folded, this.me, counted ? head : undefined),
      tail: next,
    };
  }

  /** How far somebody has read. Cursors only move forward. */
  mergeCursor(cursor: Cursor): boolean {
    const { entry, cursors } = this.record;
    const held = cursors.find(({ userId }) => userId === cursor.userId);
    const next: Cursor = {
      userId: cursor.userId,
      readSeq: Math.max(cursor.readSeq, held?.readSeq ?? 0),
      deliveredSeq: Math.max(cursor.deliveredSeq, held?.deliveredSeq ?? 0),
      readTimeMs: Math.max(cursor.readTimeMs, held?.readTimeMs ?? 0),
    };
    if (held !== undefined && held.readSeq === next.readSeq && held.deliveredSeq === next.deliveredSeq) return false;
    this.record = { ...this.record, cursors: [...cursors.filter(({ userId }) => userId !== next.userId), next] };
    if (entry !== undefined && entry.peerId === next.userId) {
      const peerReadSeq = Math.max(entry.peerReadSeq, next.readSeq);
      const peerDeliveredSeq = Math.max(entry.peerDeliveredSeq, next.deliveredSeq);
      this.record = { ...this.record, entry: { ...entry, peerReadSeq, peerDeliveredSeq } };
    }
    return true;
  }

  /** Drops deleted messages from what the list shows. */
  noteDeleted(messageIds: readonly string[]): void {
    const gone = new Set(messageIds);
    for (const id of gone) this.#deleted.add(id);
    this.record = { ...this.record, tail: this.record.tail.filter(({ messageId }) => !gone.has(messageId)) };
  }

  /** Starts over from what the server says now: nothing older needs to be known. */
  startFrom(version: number): void {
    this.#ahead.clear();
    this.record = { ...this.record, version, wanted: Math.max(this.record.wanted, version) };
  }
}

/** Whether the list would show something else because of this message. What an entry does not show although it knows of it is not there for us. */
function isBeyond(entry: ConversationState, message: Message): boolean {
  const last = entry.lastMessage;
  return message.seq > entry.lastSeq || (message.seq === last?.seq && message.version > last.version);
}

/** The same last message may be known in a newer version. */
function withNewerLast(
  entry: ConversationState,
  known: ConversationState | undefined,
  deleted: ReadonlySet<string>,
): ConversationState {
  const last = known?.lastMessage;
  if (last === undefined || last.seq !== entry.lastMessage?.seq || last.version <= entry.lastMessage.version)
    return entry;
  return deleted.has(last.messageId) ? entry : { ...entry, lastMessage: last };
}

/** What messages make of an entry. */
function derived({ lastSeq, lastMessage, unread, mentioned, sortKey, hidden, conversationVersion }: ConversationState) {
  return { lastSeq, lastMessage, unread, mentioned, sortKey, hidden, conversationVersion };
}

/** Cursors never go back, whichever answer came last. */
function withPeerCursors(entry: ConversationState, known: ConversationState | undefined): ConversationState {
  if (known === undefined) return entry;
  const peerReadSeq = Math.max(entry.peerReadSeq, known.peerReadSeq);
  const peerDeliveredSeq = Math.max(entry.peerDeliveredSeq, known.peerDeliveredSeq);
  return { ...entry, peerReadSeq, peerDeliveredSeq };
}
