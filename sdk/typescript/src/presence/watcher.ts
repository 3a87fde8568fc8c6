/** What the tab that leads does for presence: watches people for all tabs with the session of its link. */

import type { Caller } from "../caller.js";
import { PresenceService, type Presence as WirePresence } from "../gen/skein/v1/presence_pb.js";
import { type Presence, presenceFromWire } from "./presence.js";

/** People that one session watches; those that were asked for longest ago make room. */
const WATCHED_MAX = 400;

export class Watcher {
  /** Who is watched, the latest last, and how they look as far as known. */
  readonly #people = new Map<string, Presence | undefined>();
  /** Those whom the server was not asked to watch, or not by this session. */
  readonly #unasked = new Set<string>();
  #online = false;
  #asking = false;

  constructor(
    private readonly caller: Caller,
    private readonly told: (presences: readonly Presence[]) => void,
  ) {}

  /** A tab shows these people. */
  watch(userIds: readonly string[]): void {
    const known: Presence[] = [];
    for (const userId of userIds) {
      const presence = this.#people.get(userId);
      if (!this.#people.delete(userId)) this.#unasked.add(userId);
      this.#people.set(userId, presence);
      if (presence !== undefined) known.push(presence);
    }
    this.#makeRoom();
    if (known.length > 0) this.told(known);
    void this.#ask();
  }

  /** Pushed by the server. */
  take(presences: readonly WirePresence[]): void {
    const news = presences.map(presenceFromWire).filter(({ userId }) => this.#people.has(userId));
    for (const presence of news) this.#people.set(presence.userId, presence);
    if (news.length > 0) this.told(news);
  }

  /** The link works; a new session watches nobody yet. */
  ready(resumed: boolean): void {
    this.#online = true;
    if (resumed) void this.#ask();
    else this.again();
  }

  /** Pushes were lost: everybody is asked for again. */
  again(): void {
    for (const userId of this.#people.keys()) this.#unasked.add(userId);
    void this.#ask();
  }

  down(): void {
    this.#online = false;
  }

  #makeRoom(): void {
    const gone: string[] = [];
    for (const userId of this.#people.keys()) {
      if (this.#people.size <= WATCHED_MAX) break;
      this.#people.delete(userId);
      if (!this.#unasked.delete(userId)) gone.push(userId);
    }
    if (gone.length === 0 || !this.#online) return;
    this.caller.callBySession(PresenceService.method.unwatchPresence, { userIds: gone.map(BigInt) }).catch(() => {});
  }

  /** One question after the other; what a failure leaves is asked with the next link, or when somebody else is watched. */
  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.#online && this.#unasked.size > 0) {
        const userIds = [...this.#unasked];
        this.#unasked.clear();
        try {
          const request = { userIds: userIds.map(BigInt) };
          this.take((await this.caller.callBySession(PresenceService.method.watchPresence, request)).presences);
        } catch {
          for (const userId of userIds) if (this.#people.has(userId)) this.#unasked.add(userId);
          return;
        }
      }
    } finally {
      this.#asking = false;
    }
  }
}
