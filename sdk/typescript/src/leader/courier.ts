/** Carries the outbox to the server: each message once, in order within its conversation, repeated with the same client id until it is answered. */

import type { Caller } from "../caller.js";
import { asSkeinError, type ErrorCode, SkeinError } from "../error.js";
import { MessageService, type SendMessageResponse, type Content as WireContent } from "../gen/skein/v1/message_pb.js";
import { backoffMs } from "../link/backoff.js";
import { contentToWire } from "../model/convert_content.js";
import type { Message } from "../model/message.js";
import type { OutboxRecord, Storage } from "../storage/storage.js";

/** Conversations that are sent to at the same time. */
const LANES_MAX = 8;
/** Errors that say nothing about the message. */
const NOT_ABOUT_IT: ReadonlySet<ErrorCode> = new Set([
  "CLOSED",
  "UNAUTHENTICATED",
  "TOKEN_EXPIRED",
  "TOKEN_REVOKED",
  "REFRESH_REUSED",
  "ACCOUNT_SUSPENDED",
]);
/** Errors that may be about the message: so many in a row are. */
const UNCLEAR: ReadonlySet<ErrorCode> = new Set(["UNKNOWN", "INTERNAL"]);
const UNCLEAR_MAX = 8;

export interface CourierEvents {
  /** The server has it on disk. */
  readonly sent: (message: Message) => Promise<void>;
  /** It failed for good, and the record says so. */
  readonly failed: () => void;
}

export class Courier {
  readonly #busy = new Set<string>();
  /** Answered, though perhaps still in the storage when that refuses to write. */
  readonly #sent = new Set<string>();
  /** Conversations that wait before the next try, until then (`Date.now()`). */
  readonly #pauses = new Map<string, { readonly untilMs: number; readonly failures: number }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #online = false;
  #reading = false;
  #again = false;

  constructor(
    private readonly me: string,
    private readonly caller: Caller,
    private readonly storage: Storage,
    private readonly events: CourierEvents,
  ) {}

  /** Whether sending makes sense now. */
  setOnline(online: boolean): void {
    this.#online = online;
    this.#pauses.clear();
    if (online) void this.wake();
  }

  /** The outbox may have something to send. */
  async wake(): Promise<void> {
    if (!this.#online) return;
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      do {
        this.#again = false;
        this.#dispatch(await this.storage.outbox());
      } while (this.#again && this.#online);
    } catch {
      // The storage was closed, by the end of this client or by a tab that removed it.
    } finally {
      this.#reading = false;
    }
  }

  stop(): void {
    this.#online = false;
    clearTimeout(this.#timer);
  }

  /** Starts the first message of each conversation that is free. */
  #dispatch(records: readonly OutboxRecord[]): void {
    const seen = new Set<string>();
    clearTimeout(this.#timer);
    let dueMs = Number.POSITIVE_INFINITY;
    for (const record of records) {
      const { conversationId, failed } = record;
      if (this.#sent.has(record.clientMessageId)) continue;
      // A failed one stands aside; the ones after it are sent.
      if (failed !== undefined || seen.has(conversationId)) continue;
      seen.add(conversationId);
      if (this.#busy.has(conversationId)) continue;
      const pausedMs = this.#pauses.get(conversationId)?.untilMs ?? 0;
      if (pausedMs > Date.now()) dueMs = Math.min(dueMs, pausedMs);
      else if (this.#busy.size < LANES_MAX) this.#start(record);
    }
    if (dueMs < Number.POSITIVE_INFINITY && this.#online) {
      this.#timer = setTimeout(() => void this.wake(), dueMs - Date.now());
    }
  }

  #start(record: OutboxRecord): void {
    const { conversationId } = record;
    this.#busy.add(conversationId);
    void this.#send(record).finally(() => {
      this.#busy.delete(conversationId);
      void this.wake();
    });
  }

  async #send(record: OutboxRecord): Promise<void> {
    const { conversationId, clientMessageId } = record;
    try {
      const answer = await this.caller.call(MessageService.method.sendMessage, {
        to: receiver(conversationId, this.me),
        clientMessageId,
        content: contentOf(record),
        clientTimeMs: BigInt(record.clientTimeMs),
        options: record.options,
      });
      this.#pauses.delete(conversationId);
      this.#sent.add(clientMessageId);
      await this.events.sent(sentMessage(record, answer, this.me));
      // It is gone by now, together with the coming of the message; unless the storage is full.
      await this.storage.removeOutbox(clientMessageId);
      this.#sent.delete(clientMessageId);
    } catch (thrown) {
      if (!this.#sent.has(clientMessageId)) await this.#failed(record, asSkeinError(thrown)).catch(() => {});
    }
  }

  async #failed(record: OutboxRecord, error: SkeinError): Promise<void> {
    const { conversationId } = record;
    const failures = (this.#pauses.get(conversationId)?.failures ?? 0) + 1;
    if (error.retryable || NOT_ABOUT_IT.has(error.code) || (UNCLEAR.has(error.code) && failures < UNCLEAR_MAX)) {
      const delay = Math.max(error.retryAfterMs, backoffMs(failures, Math.random()));
      this.#pauses.set(conversationId, { untilMs: Date.now() + delay, failures });
      return;
    }
    await this.storage.putOutbox({ ...record, failed: { code: error.code, text: error.message } });
    this.events.failed();
  }
}

function contentOf({ content }: OutboxRecord): WireContent {
  try {
    return contentToWire(content);
  } catch (thrown) {
    throw new SkeinError("INVALID_ARGUMENT", `this content cannot be sent: ${asSkeinError(thrown).message}`);
  }
}

/** One-to-one conversations begin with the first message to the person. */
function receiver(conversationId: string, me: string) {
  const [a, b] = conversationId.split(":");
  if (a === undefined || b === undefined) return { case: "conversationId", value: conversationId } as const;
  return { case: "userId", value: BigInt(a === me ? b : a) } as const;
}

/** The message as the server has it now. */
function sentMessage(record: OutboxRecord, answer: SendMessageResponse, me: string): Message {
  return {
    messageId: String(answer.messageId),
    conversationId: answer.conversationId,
    seq: Number(answer.seq),
    version: Number(answer.version),
    senderId: me,
    clientMessageId: record.clientMessageId,
    content: record.content,
    state: "sent",
    clientTimeMs: record.clientTimeMs,
    serverTimeMs: Number(answer.serverTimeMs),
    changedTimeMs: 0,
    editCount: 0,
    recalledBy: "0",
    noCount: record.options.noCount ?? false,
    noListMove: record.options.noListMove ?? false,
    sortKey: answer.serverTimeMs,
  };
}
