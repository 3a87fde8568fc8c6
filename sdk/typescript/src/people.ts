/** Profiles of other people: fetched when first watched, kept on disk so that names are there offline. */

import type { Caller } from "./caller.js";
import { asSkeinError } from "./error.js";
import { AccountService } from "./gen/skein/v1/account_pb.js";
import type { User } from "./model/account.js";
import { userFromWire } from "./model/convert.js";
import { type Observable, Value } from "./observable.js";
import type { Storage } from "./storage/storage.js";

/** Profiles fetched at the same time. */
const FETCHES_MAX = 4;
/** After a failure that need not be for good. */
const RETRY_MS = 5_000;

export class People {
  readonly #people = new Map<string, Value<User | undefined>>();
  /** Asked for since the start. */
  readonly #fresh = new Set<string>();
  #waiting: string[] = [];
  #fetching = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(
    private readonly caller: Caller,
    private readonly storage: () => Storage,
  ) {}

  /** The profile, as far as known. Watching it fetches it, once per start. */
  get(userId: string): Observable<User | undefined> {
    const value = this.#value(userId);
    return {
      get current() {
        return value.current;
      },
      subscribe: (listener) => {
        this.#want(userId);
        return value.subscribe(listener);
      },
    };
  }

  /** Keeps a profile that came from elsewhere. */
  keep(user: User): void {
    this.#fresh.add(user.userId);
    this.#value(user.userId).set(user);
    this.storage()
      .putPerson(user)
      .catch(() => {});
  }

  /** Profiles of the storage: shown, and fetched again when watched. */
  restore(users: readonly User[]): void {
    for (const user of users) this.#value(user.userId).set(user);
  }

  /** Fetches again what could not be fetched. */
  retry(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #value(userId: string): Value<User | undefined> {
    const value = this.#people.get(userId) ?? new Value<User | undefined>(undefined);
    this.#people.set(userId, value);
    return value;
  }

  #want(userId: string): void {
    if (userId === "0" || userId === "" || this.#fresh.has(userId)) return;
    this.#fresh.add(userId);
    this.#waiting.push(userId);
    this.#pump();
  }

  #pump(): void {
    while (this.#fetching < FETCHES_MAX && this.#timer === undefined && !this.#stopped) {
      const userId = this.#waiting.shift();
      if (userId === undefined) return;
      this.#fetching += 1;
      void this.#fetch(userId).finally(() => {
        this.#fetching -= 1;
        this.#pump();
      });
    }
  }

  async #fetch(userId: string): Promise<void> {
    try {
      const by = { case: "userId", value: BigInt(userId) } as const;
      const { user } = await this.caller.call(AccountService.method.findUser, { by });
      if (user !== undefined) this.keep(userFromWire(user));
    } catch (thrown) {
      // There is no such person, or there is nothing to ask with: asking again would not help.
      if (!asSkeinError(thrown).retryable || this.#stopped) return;
      this.#waiting.push(userId);
      this.#timer ??= setTimeout(() => this.retry(), RETRY_MS);
    }
  }
}
