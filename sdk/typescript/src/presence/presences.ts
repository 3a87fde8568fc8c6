/** How people look, in one tab: watched while somebody shows them. */

import type { Caller } from "../caller.js";
import { PresenceService } from "../gen/skein/v1/presence_pb.js";
import { type Observable, Value } from "../observable.js";
import { CHOSEN, type ChosenState, dayFromWire, type OnlineDay, type Presence } from "./presence.js";

export class Presences {
  readonly #people = new Map<string, Value<Presence | undefined>>();
  /** How many show whom. */
  readonly #shown = new Map<string, number>();
  #wanted: Set<string> | undefined;

  constructor(
    private readonly caller: Caller,
    private readonly watch: (userIds: readonly string[]) => void,
  ) {}

  /** How somebody looks; `undefined` while it is not known. Subscribing watches them. */
  of(userId: string): Observable<Presence | undefined> {
    const value = this.#value(userId);
    return {
      get current() {
        return value.current;
      },
      subscribe: (listener) => {
        this.#show(userId);
        const stop = value.subscribe(listener);
        return () => {
          stop();
          const left = (this.#shown.get(userId) ?? 1) - 1;
          if (left > 0) this.#shown.set(userId, left);
          else this.#shown.delete(userId);
        };
      },
    };
  }

  /** How one wants to look to others, on all devices, until `untilMs` or until it is chosen again. */
  async choose(state: ChosenState, text = "", untilMs = 0): Promise<void> {
    const request = { state: CHOSEN[state], text, untilMs: BigInt(untilMs) };
    await this.caller.call(PresenceService.method.setPresence, request);
  }

  /** How long one was here oneself, per day; days without are left out. Days count from 1970-01-01 in the deployment's own time; without any, today. At most 366. */
  async onlineTime(fromDay = 0, toDay = fromDay): Promise<readonly OnlineDay[]> {
    const request = { fromDay: BigInt(fromDay), toDay: BigInt(toDay) };
    const { days } = await this.caller.call(PresenceService.method.getMyOnlineTime, request);
    return days.map(dayFromWire);
  }

  /** @internal From the tab that leads. */
  take(presences: readonly Presence[]): void {
    for (const presence of presences) this.#value(presence.userId).set(presence);
  }

  /** @internal There is a connection, perhaps of another tab than before: it is told whom this one shows. */
  retry(): void {
    if (this.#shown.size > 0) this.watch([...this.#shown.keys()]);
  }

  #value(userId: string): Value<Presence | undefined> {
    const value = this.#people.get(userId) ?? new Value<Presence | undefined>(undefined);
    this.#people.set(userId, value);
    return value;
  }

  #show(userId: string): void {
    const before = this.#shown.get(userId) ?? 0;
    this.#shown.set(userId, before + 1);
    if (before > 0 || userId === "0" || userId === "") return;
    // A list shows many at once.
    if (this.#wanted === undefined) {
      this.#wanted = new Set();
      queueMicrotask(() => {
        const wanted = [...(this.#wanted ?? [])];
        this.#wanted = undefined;
        this.watch(wanted);
      });
    }
    this.#wanted.add(userId);
  }
}
