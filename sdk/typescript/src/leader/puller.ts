/** Gap repair: pulls what pushes did not bring, newest conversations first. */

import type { Caller } from "../caller.js";
import { asSkeinError, type SkeinError } from "../error.js";
import { SyncService } from "../gen/skein/v1/sync_pb.js";
import { backoffMs } from "../link/backoff.js";
import type { Need, Replica } from "../replica/replica.js";
import type { Changes } from "../storage/storage.js";

/** Messages packed with each entry of a pull. */
const BUNDLE_MESSAGES = 20;
/** A hole may close by itself: pushes of several senders can overtake each other. */
const HOLE_PATIENCE_MS = 30;
/** Changes asked for in one page of a conversation. */
const PAGE_CHANGES = 500;

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
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), patient ? HOLE_PATIENCE_MS : 0);
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

  /** Offline: the next welcome wakes us. Everything else is tried again after a while. */
  #failed(error: SkeinError): void {
    this.replica.abandonUserPull();
    if (this.#stopped || error.code === "CLOSED") return;
    this.#failures += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), Math.max(error.retryAfterMs, backoffMs(this.#failures, Math.random())));
  }

  async #pullAll(): Promise<void> {
    let done = 0;
    for (let needs = this.replica.needs(); needs.length > 0 && !this.#stopped; needs = this.replica.needs()) {
      const [need] = needs;
      if (need === undefined) return;
      this.events.progress(done, need.kind === "user" ? 0 : done + needs.length);
      await this.#pull(need);
      if (need.kind === "conversation") done += 1;
    }
  }

  async #pull(need: Need): Promise<void> {
    if (need.kind === "user") return this.#pullUser();
    try {
      await this.#pullConversation(need.conversationId);
    } catch (thrown) {
      const { code } = asSkeinError(thrown);
      if (code !== "NOT_A_MEMBER" && code !== "NOT_FOUND") throw thrown;
      // Left meanwhile; the user timeline says so.
      this.replica.giveUp(need.conversationId);
    }
  }

  async #pullUser(): Promise<void> {
    const sinceVersion = BigInt(this.replica.userVersion);
    let beforeVersion = 0n;
    for (let more = true; more; ) {
      const request = { sinceVersion, beforeVersion, messagesPerEntry: BUNDLE_MESSAGES };
      const page = await this.caller.call(SyncService.method.pullUser, request);
      this.events.commit(this.replica.mergeUserPage(page, page.messages));
      beforeVersion = page.nextBeforeVersion;
      more = page.hasMore;
    }
  }

  async #pullConversation(conversationId: string): Promise<void> {
    for (let more = true; more; ) {
      const sinceVersion = BigInt(this.replica.conversationVersion(conversationId));
      const request = { conversationId, sinceVersion, limit: PAGE_CHANGES };
      const page = await this.caller.call(SyncService.method.pullConversation, request);
      this.events.commit(this.replica.mergeConversationPage(conversationId, page));
      more = page.hasMore;
      if (!more) this.replica.giveUp(conversationId);
    }
  }
}
