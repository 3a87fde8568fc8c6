/** What is known of one conversation, and which of its changes are not. */

import type { ConversationState, Cursor } from "../model/conversation.js";
import type { Message } from "../model/message.js";
import type { ConversationRecord } from "../storage/storage.js";
import { foldEntry } from "./entry.js";

/** Changes known beyond a hole that are kept; above it a pull brings them anyway. */
const AHEAD_MAX = 1_024;
/** Messages kept beyond the entry; older ones are folded into it. */
const TAIL_MAX = 64;

/** One conversation's record, with the rules by which it grows. Each method says whether anything has changed. */
export class Known {
  record: ConversationRecord;
  /** Versions known beyond a hole. */
  readonly #ahead = new Set<number>();

  constructor(
    stored: ConversationRecord | string,
    private readonly me: string,
  ) {
    this.record =
      typeof stored === "string"
        ? { conversationId: stored, entry: undefined, tail: [], version: 0, wanted: 0, cursors: [] }
        : stored;
  }

  /** Whether there are changes that have to be pulled. */
  get behind(): boolean {
    return this.record.wanted > this.record.version;
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

  /** Takes an entry from a push, a pull or an answer. The higher version wins. */
  mergeEntry(entry: ConversationState): boolean {
    const known = this.record.entry;
    if (known !== undefined && known.version > entry.version) return false;
    const stale = known !== undefined && known.conversationVersion > entry.conversationVersion;
    // An answer that was written before messages which we have: they stay on top of it.
    const base = stale && entry.lastSeq < known.lastSeq - TAIL_MAX ? { ...entry, ...derived(known) } : entry;
    const tail = this.record.tail.filter((message) => isBeyond(base, message));
    this.record = { ...this.record, entry: withPeerCursors(base, known), tail };
    return true;
  }

  /** Counts of a large group, which has no entry of its own in a pull. */
  mergeHead(lastSeq: number, unread: number): void {
    const { entry } = this.record;
    if (entry === undefined || lastSeq < entry.lastSeq) return;
    this.record = { ...this.record, entry: { ...entry, lastSeq, unread } };
  }

  /** A message, for what the list shows of it. */
  noteMessage(message: Message): void {
    const { entry, tail } = this.record;
    if (entry === undefined || message.seq <= entry.clearedSeq || !isBeyond(entry, message)) return;
    const same = tail.find(({ seq }) => seq === message.seq);
    if (same !== undefined && same.version >= message.version) return;
    const next = [...tail.filter(({ seq }) => seq !== message.seq), message].sort((a, b) => a.seq - b.seq);
    const folded = next.splice(0, Math.max(0, next.length - TAIL_MAX));
    this.record = { ...this.record, entry: foldEntry(entry, folded, this.me), tail: next };
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
    this.record = { ...this.record, tail: this.record.tail.filter(({ messageId }) => !gone.has(messageId)) };
  }

  /** Starts over from what the server says now: nothing older needs to be known. */
  startFrom(version: number): void {
    this.#ahead.clear();
    this.record = { ...this.record, version, wanted: Math.max(this.record.wanted, version) };
  }
}

/** Whether the list would show something else because of this message. */
function isBeyond(entry: ConversationState, message: Message): boolean {
  if (message.seq > entry.lastSeq) return true;
  const last = entry.lastMessage;
  if (last === undefined) return message.seq === entry.lastSeq;
  return message.seq > last.seq || (message.seq === last.seq && message.version > last.version);
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
