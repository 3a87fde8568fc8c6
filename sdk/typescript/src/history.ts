/** The messages of one conversation in sight: any part of it, from the first seq to the last, loaded when it is looked at. */

import type { Caller } from "./caller.js";
import { asSkeinError } from "./error.js";
import { SyncService } from "./gen/skein/v1/sync_pb.js";
import type { ConversationState, Cursor } from "./model/conversation.js";
import { messageFromWire } from "./model/convert.js";
import type { Message, MessageStatus, OutgoingMessage } from "./model/message.js";
import { type Observable, Value } from "./observable.js";
import { missingRanges, type Range } from "./storage/ranges.js";
import type { Storage } from "./storage/storage.js";

/** Seqs are loaded in aligned pages of this many. */
const PAGE_SEQS = 50;
/** More than this is let go again, the farthest first. */
const SEQS_MAX = 4_000;

export interface HistoryState {
  /** Rows are the seqs `firstSeq..lastSeq`; none when `lastSeq < firstSeq`. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The read cursor of when it was opened: what is above it is new. */
  readonly readSeq: number;
  /** Not acked yet; they go after `lastSeq`, in order. */
  readonly outgoing: readonly OutgoingMessage[];
  /** Grows with each change of a message or cursor. */
  readonly revision: number;
}

/** What a history needs of its conversation. */
export interface HistorySource {
  readonly conversationId: string;
  readonly me: string;
  readonly caller: Caller;
  readonly storage: Storage;
  readonly state: () => ConversationState;
  readonly outgoing: () => readonly OutgoingMessage[];
  readonly cursors: () => readonly Cursor[];
  /** Resolves when everything known so far is in the storage. */
  readonly written: () => Promise<void>;
}

export class History implements Observable<HistoryState> {
  readonly #value: Value<HistoryState>;
  readonly #messages = new Map<number, Message | null>();
  readonly #loading = new Map<number, Promise<void>>();
  readonly #onClose: () => void;
  readonly #source: HistorySource;
  #cursors: ReadonlyMap<string, Cursor> = new Map();
  /** Grows when everything loaded so far is worthless. */
  #era = 0;
  readonly #dropped = new Set<string>();
  /** Where was looked last; what is far from it is let go. */
  #center: number | undefined;

  constructor(source: HistorySource, onClose: () => void) {
    this.#source = source;
    this.#onClose = onClose;
    const { firstSeq, lastSeq, readSeq } = source.state();
    this.#value = new Value({ firstSeq, lastSeq, readSeq, outgoing: source.outgoing(), revision: 0 });
    this.#takeCursors();
  }

  get current(): HistoryState {
    return this.#value.current;
  }

  get subscribe(): (listener: () => void) => () => void {
    return this.#value.subscribe;
  }

  /** How far the others have read and received, as far as known; of large groups nothing is. */
  get cursors(): ReadonlyMap<string, Cursor> {
    return this.#cursors;
  }

  /** `undefined`: not loaded, call `load`. `null`: nothing to show there (deleted for me). */
  get(seq: number): Message | null | undefined {
    return this.#messages.get(seq);
  }

  /** Brings the messages of this range from disk, else from the server. Repeats are free. Returns quietly when offline; the revision grows when it is worth asking again. */
  async load(fromSeq: number, toSeq: number): Promise<void> {
    const { firstSeq, lastSeq } = this.current;
    const from = Math.max(firstSeq, fromSeq);
    const to = Math.min(lastSeq, toSeq);
    const loads: Promise<void>[] = [];
    for (let page = Math.floor(from / PAGE_SEQS); page * PAGE_SEQS <= to; page += 1) {
      const range: Range = [Math.max(firstSeq, page * PAGE_SEQS), Math.min(lastSeq, (page + 1) * PAGE_SEQS - 1)];
      if (this.#knows(range)) continue;
      loads.push(this.#loading.get(page) ?? this.#begin(page, range));
    }
    this.#center = (from + to) / 2;
    await Promise.all(loads);
    this.#letGo();
  }

  #begin(page: number, range: Range): Promise<void> {
    const loading = this.#load(range).finally(() => {
      if (this.#loading.get(page) === loading) this.#loading.delete(page);
    });
    this.#loading.set(page, loading);
    return loading;
  }

  /** What a sender wants to see beside the message. */
  status(message: Message): MessageStatus {
    if (message.state !== "sent") return message.state;
    const { peerReadSeq, peerDeliveredSeq, kind } = this.#source.state();
    if (kind === "self") return "read";
    if (peerReadSeq >= message.seq || this.#count(message, "readSeq") > 0) return "read";
    if (peerDeliveredSeq >= message.seq || this.#count(message, "deliveredSeq") > 0) return "delivered";
    return "sent";
  }

  /** How many others have read it, as far as known. */
  readerCount(message: Message): number {
    return this.#count(message, "readSeq");
  }

  /** Ends it; its messages are let go. */
  close(): void {
    this.#era += 1;
    this.#messages.clear();
    this.#onClose();
  }

  /** The conversation's state, cursors or outgoing messages have changed; and these messages. */
  update(messages: readonly Message[] = []): void {
    for (const message of messages) {
      this.#put(message);
    }
    this.#letGo();
    const { firstSeq, lastSeq } = this.#source.state();
    this.#takeCursors();
    this.#set({ firstSeq, lastSeq, outgoing: this.#source.outgoing() });
  }

  /** These were deleted by the user for itself. */
  drop(messageIds: readonly string[]): void {
    const gone = new Set(messageIds);
    // A load that is under way may bring them once more.
    for (const id of gone) this.#dropped.add(id);
    for (const [seq, message] of this.#messages)
      if (message && gone.has(message.messageId)) this.#messages.set(seq, null);
    this.#set({});
  }

  /** Everything has to be loaded again. */
  reset(): void {
    this.#era += 1;
    this.#messages.clear();
    this.#loading.clear();
    this.update();
  }

  #set(change: Partial<HistoryState>): void {
    this.#value.set({ ...this.current, ...change, revision: this.current.revision + 1 });
  }

  #takeCursors(): void {
    this.#cursors = new Map(this.#source.cursors().map((cursor) => [cursor.userId, cursor]));
  }

  #count(message: Message, cursor: "readSeq" | "deliveredSeq"): number {
    let count = 0;
    for (const [userId, held] of this.#cursors) {
      if (held[cursor] >= message.seq && userId !== message.senderId && userId !== this.#source.me) count += 1;
    }
    return count;
  }

  #knows([from, to]: Range): boolean {
    for (let seq = from; seq <= to; seq += 1) if (!this.#messages.has(seq)) return false;
    return true;
  }

  async #load(range: Range): Promise<void> {
    const era = this.#era;
    await this.#source.written();
    const nothing = { messages: [], held: [] };
    const stored = await this.#source.storage.messages(this.#source.conversationId, range).catch(() => nothing);
    if (era !== this.#era) return;
    this.#take(range, stored.messages, stored.held);
    for (const missing of missingRanges(stored.held, range)) {
      if (!(await this.#fetch(missing, era))) return;
    }
  }

  /** From the server; false when it could not be had now. */
  async #fetch([from, to]: Range, era: number): Promise<boolean> {
    const { conversationId, caller, storage } = this.#source;
    for (let next = to; next >= from; ) {
      try {
        const request = { conversationId, beforeSeq: BigInt(next + 1), limit: next - from + 1 };
        const page = await caller.call(SyncService.method.listHistory, request);
        if (era !== this.#era) return false;
        const messages = page.messages.map(messageFromWire);
        const oldest = messages.at(-1)?.seq ?? from;
        // Between the messages of a page, whatever is missing is not there for us.
        const covered: Range = [page.hasMore && oldest > from ? oldest : from, next];
        // Shown also when the storage is full.
        await storage.apply({ messages, held: [{ conversationId, range: covered }] }).catch(() => {});
        if (era !== this.#era) return false;
        this.#take(covered, messages, [covered]);
        next = covered[0] - 1;
      } catch (thrown) {
        const error = asSkeinError(thrown);
        if (error.retryable || error.code === "CLOSED" || era !== this.#era) return false;
        if (error.code !== "NOT_A_MEMBER" && error.code !== "NOT_FOUND") throw error;
        // Who has left sees what was brought before.
        this.#take([from, next], [], [[from, next]]);
        return true;
      }
    }
    return true;
  }

  /** Shows messages; what is held and not among them is not there. */
  #take([from, to]: Range, messages: readonly Message[], held: readonly Range[]): void {
    for (const message of messages) {
      this.#put(message);
    }
    for (const [low, high] of held) {
      for (let seq = Math.max(low, from); seq <= Math.min(high, to); seq += 1) {
        if (!this.#messages.has(seq)) this.#messages.set(seq, null);
      }
    }
    this.#set({});
  }

  /** The higher version counts; what is not there for us stays so. */
  #put(message: Message): void {
    const known = this.#messages.get(message.seq);
    if (known === null || (known?.version ?? -1) >= message.version) return;
    this.#messages.set(message.seq, this.#dropped.has(message.messageId) ? null : message);
  }

  #letGo(): void {
    if (this.#messages.size <= SEQS_MAX) return;
    const { lastSeq } = this.current;
    const center = this.#center ?? lastSeq;
    for (const seq of this.#messages.keys()) {
      if (Math.abs(seq - center) > SEQS_MAX / 2 && seq < lastSeq - PAGE_SEQS) this.#messages.delete(seq);
    }
  }
}
