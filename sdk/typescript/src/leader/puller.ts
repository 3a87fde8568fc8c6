/** Gap repair: pulls what pushes did not bring, newest conversations first. */

import type { Caller } from "../caller.js";
import { asSkeinError, type SkeinError } from "../error.js";
import { ConversationService } from "../gen/skein/v1/conversation_pb.js";
import { type PullUserResponse, SyncService } from "../gen/skein/v1/sync_pb.js";
import { backoffMs } from "../link/backoff.js";
import type { Need, Replica, UserPage } from "../replica/replica.js";
import type { Changes } from "../storage/storage.js";

/** Messages packed with each entry of a pull. */
const BUNDLE_MESSAGES = 20;
/** A hole may close by itself: pushes of several senders can overtake each other. */
const HOLE_PATIENCE_MS = 30;
/** Changes asked for in one page of a conversation. */
const PAGE_CHANGES = 200;

export interface PullerEvents {
  readonly commit: (changes: Changes) => void;
  /** Pulling has begun or gone on; `total` 0: not known yet. */
  readonly progress: (done: number, total: number) => void;
  /** Nothing is left to pull. */
  readonly idle: () => void;
}

export class Puller {
  #running = false;
  #again = false;
  #stopped = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = 0;

  constructor(
    private readonly caller: Caller,
    private readonly replica: Replica,
    private readonly events: PullerEvents,
  ) {}

  /** Pulls what is needed, in the background: at once, or after giving pushes a moment to close a hole. */
  wake(patient = false): void {
    if (this.#running) {
      this.#again = true;
      return;
    }
    if (this.#stopped || this.replica.needs().length === 0) return;
    this.#plan(patient ? HOLE_PATIENCE_MS : 0);
  }

  /** The earlier one of two plans counts: pushes that keep coming must not put a pull off for ever. */
  #plan(delayMs: number): void {
    const dueMs = Date.now() + delayMs;
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#run();
    }, delayMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      await this.#pullAll();
      this.#failures = 0;
      if (!this.#stopped) this.events.idle();
    } catch (thrown) {
      this.#failed(asSkeinError(thrown));
    } finally {
      this.#running = false;
    }
    if (this.#again) {
      this.#again = false;
      this.wake(true);
    }
  }

  /** Tried again after a while, or when the next welcome wakes us. */
  #failed(error: SkeinError): void {
    if (this.#stopped || error.code === "CLOSED") return;
    this.#failures += 1;
    this.#plan(Math.max(error.retryAfterMs, backoffMs(this.#failures, Math.random())));
  }

  async #pullAll(): Promise<void> {
    let done = 0;
    for (let needs = this.replica.needs(); needs.length > 0 && !this.#stopped; needs = this.replica.needs()) {
      const [need] = needs;
      if (need === undefined) return;
      this.events.progress(done, need.kind === "user" ? 0 : done + needs.length);
      await this.#pull(need);
      if (need.kind !== "user") done += 1;
    }
  }

  async #pull(need: Need): Promise<void> {
    if (need.kind === "user") return this.#pullUser();
    try {
      await (need.kind === "entry" ? this.#restart(need.conversationId) : this.#pullConversation(need.conversationId));
    } catch (thrown) {
      const { code } = asSkeinError(thrown);
      if (code !== "NOT_A_MEMBER" && code !== "NOT_FOUND" && code !== "INTERNAL") throw thrown;
      // Left meanwhile, and the user timeline says so; or broken there, which must not keep the others waiting.
      this.replica.giveUp(need.conversationId);
    }
  }

  async #pullUser(): Promise<void> {
    let next: UserPage | undefined = this.replica.beginUserPull();
    try {
      while (next !== undefined && !this.#stopped) {
        const page: PullUserResponse = await this.caller.call(SyncService.method.pullUser, {
          sinceVersion: BigInt(next.sinceVersion),
          beforeVersion: BigInt(next.beforeVersion),
          messagesPerEntry: BUNDLE_MESSAGES,
        });
        this.events.commit(this.replica.mergeUserPage(page, page.messages));
        next = this.replica.nextUserPage;
      }
    } catch (thrown) {
      this.replica.abandonUserPull();
      throw thrown;
    }
  }

  async #restart(conversationId: string): Promise<void> {
    const { entry } = await this.caller.call(ConversationService.method.getConversation, { conversationId });
    if (entry === undefined) this.replica.giveUp(conversationId);
    else this.events.commit(this.replica.restart(entry));
  }

  async #pullConversation(conversationId: string): Promise<void> {
    for (let more = true; more && !this.#stopped; ) {
      const { version = 0, wanted = 0 } = this.replica.record(conversationId) ?? {};
      const request = { conversationId, sinceVersion: BigInt(version), limit: PAGE_CHANGES };
      const page = await this.caller.call(SyncService.method.pullConversation, request);
      this.events.commit(this.replica.mergeConversationPage(conversationId, page, wanted));
      more = page.hasMore;
    }
  }
}
