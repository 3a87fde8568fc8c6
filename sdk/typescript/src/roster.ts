/** The members of a group: fetched when first watched, and again when a system line says that they have changed. */

import type { Caller } from "./caller.js";
import { GroupService } from "./gen/skein/v1/group_pb.js";
import type { Member } from "./model/conversation.js";
import { memberFromWire } from "./model/convert.js";
import { type Observable, Value } from "./observable.js";

export class Roster implements Observable<readonly Member[]> {
  readonly #value = new Value<readonly Member[]>([]);
  readonly #members = new Map<string, Member>();
  #version = 0n;
  #watched = false;
  #stale = true;
  #running = false;

  constructor(
    private readonly caller: Caller,
    private readonly conversationId: string,
  ) {}

  get current(): readonly Member[] {
    return this.#value.current;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#watched = true;
    void this.#fetch();
    return this.#value.subscribe(listener);
  };

  /** Something about the members has changed. */
  invalidate(): void {
    this.#stale = true;
    if (this.#watched) void this.#fetch();
  }

  /** A fetch that failed may work now. */
  retry(): void {
    if (this.#watched && this.#stale) void this.#fetch();
  }

  async #fetch(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#stale) {
        this.#stale = false;
        await this.#pull();
      }
    } catch {
      // Offline, or not a member any more: shown as far as known.
      this.#stale = true;
    } finally {
      this.#running = false;
    }
  }

  async #pull(): Promise<void> {
    const conversationId = this.conversationId;
    for (let more = true; more; ) {
      const page = await this.caller.call(GroupService.method.syncMembers, {
        conversationId,
        sinceVersion: this.#version,
      });
      for (const wire of page.members) {
        const member = memberFromWire(wire);
        if (member.role === "none") this.#members.delete(member.userId);
        else this.#members.set(member.userId, member);
      }
      if (page.version > this.#version) this.#version = page.version;
      more = page.hasMore;
    }
    this.#value.set([...this.#members.values()]);
  }
}
