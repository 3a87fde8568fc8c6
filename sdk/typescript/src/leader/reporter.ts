/** Tells the server what happened here: how far was read, how far was received, what is being drafted. */

import type { Caller } from "../caller.js";
import { asSkeinError } from "../error.js";
import { type ConversationEntry, ConversationService } from "../gen/skein/v1/conversation_pb.js";
import { ReceiptService } from "../gen/skein/v1/receipt_pb.js";
import type { Intent, Storage } from "../storage/storage.js";

/** A pause in typing after which a draft is told. */
const DRAFT_PAUSE_MS = 1_500;
/** Reads of one moment are told together. */
const READ_PAUSE_MS = 50;
/** Deliveries wait a moment, so that a burst is one. */
const DELIVERED_PAUSE_MS = 250;
/** After a failure. */
const RETRY_MS = 5_000;

export interface ReporterEvents {
  readonly answered: (entry: ConversationEntry) => void;
  readonly draftTold: (conversationId: string, text: string) => void;
}

export class Reporter {
  readonly #intents = new Map<string, { readonly intent: Intent; readonly dueMs: number }>();
  readonly #delivered = new Map<string, number>();
  readonly #told = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #online = false;
  #running = false;

  constructor(
    private readonly caller: Caller,
    private readonly storage: Storage,
    private readonly events: ReporterEvents,
  ) {}

  setOnline(online: boolean): void {
    this.#online = online;
    if (!online) return;
    for (const [key, { intent }] of this.#intents) this.#intents.set(key, { intent, dueMs: 0 });
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#plan(0);
  }

  /** Something of the user, which is in the storage. */
  add(intent: Intent): void {
    const pauseMs = intent.kind === "draft" ? DRAFT_PAUSE_MS : READ_PAUSE_MS;
    this.#intents.set(`${intent.kind}/${intent.conversationId}`, { intent, dueMs: Date.now() + pauseMs });
    this.#plan(pauseMs);
  }

  /** Messages have come up to this seq. Not kept: the next message tells it again. */
  delivered(conversationId: string, seq: number): void {
    if (seq <= (this.#told.get(conversationId) ?? 0)) return;
    this.#delivered.set(conversationId, Math.max(seq, this.#delivered.get(conversationId) ?? 0));
    this.#plan(DELIVERED_PAUSE_MS);
  }

  stop(): void {
    this.#online = false;
    clearTimeout(this.#timer);
  }

  #plan(delayMs: number): void {
    const dueMs = Date.now() + delayMs;
    if (!this.#online || this.#running || dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => void this.#run(), delayMs);
  }

  async #run(): Promise<void> {
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#running = true;
    let failed = false;
    try {
      for (const [key, planned] of [...this.#intents]) {
        // One that was replaced meanwhile, or is still being typed, has its own time.
        if (this.#intents.get(key) !== planned || planned.dueMs > Date.now()) continue;
        await this.#tell(planned.intent);
        if (this.#intents.get(key) === planned) this.#intents.delete(key);
      }
      for (const [conversationId, seq] of [...this.#delivered]) {
        this.#delivered.delete(conversationId);
        await this.#tellDelivered(conversationId, seq);
      }
    } catch {
      failed = true;
    } finally {
      this.#running = false;
    }
    if (failed) this.#plan(RETRY_MS);
    else if (this.#delivered.size > 0) this.#plan(READ_PAUSE_MS);
    else if (this.#intents.size > 0) this.#plan(this.#nextMs());
  }

  /** Milliseconds until the next intent; never longer than its pause, whatever the clock did. */
  #nextMs(): number {
    const dueMs = Math.min(...[...this.#intents.values()].map((planned) => planned.dueMs));
    return Math.min(DRAFT_PAUSE_MS, Math.max(0, dueMs - Date.now()));
  }

  /** Throws when it has to be told later. */
  async #tell(intent: Intent): Promise<void> {
    try {
      const { conversationId } = intent;
      const { entry } =
        intent.kind === "read"
          ? await this.caller.call(ReceiptService.method.markRead, { conversationId, seq: BigInt(intent.seq) })
          : await this.caller.call(ConversationService.method.updateConversation, {
              conversationId,
              draft: intent.text,
            });
      if (entry !== undefined) this.events.answered(entry);
    } catch (thrown) {
      if (isWorthRepeating(thrown)) throw thrown;
    }
    await this.storage.removeIntent(intent);
    if (intent.kind === "draft") this.events.draftTold(intent.conversationId, intent.text);
  }

  async #tellDelivered(conversationId: string, seq: number): Promise<void> {
    try {
      await this.caller.call(ReceiptService.method.markDelivered, { conversationId, seq: BigInt(seq) });
      this.#told.set(conversationId, seq);
    } catch (thrown) {
      if (!isWorthRepeating(thrown)) return;
      this.#delivered.set(conversationId, Math.max(seq, this.#delivered.get(conversationId) ?? 0));
      throw thrown;
    }
  }
}

function isWorthRepeating(thrown: unknown): boolean {
  const { retryable, code } = asSkeinError(thrown);
  return retryable || code === "UNKNOWN" || code === "TOKEN_EXPIRED" || code === "CLOSED";
}
