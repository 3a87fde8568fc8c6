/** Where access tokens come from, and keeping the tokens of a login in the browser. */

import { Accounts } from "./accounts.js";
import { asSkeinError, SkeinError } from "./error.js";
import type { Login, Tokens } from "./model/account.js";

/** Gives an access token. `rejected` is the one that no longer serves, so that a different one is needed. Throws `TOKEN_REVOKED` and the like when there is none. */
export type TokenProvider = (reason: { readonly rejected: string | undefined }) => Promise<string>;

/** A token that cannot be renewed. */
export function fixedToken(token: string): TokenProvider {
  return async ({ rejected }) => {
    if (rejected === token)
      throw new SkeinError("TOKEN_EXPIRED", "the access token has expired; give connect() a provider");
    return token;
  };
}

/** A token is exchanged this long before it expires. */
const EARLY_MS = 30_000;
/** A token that was exchanged here just now serves, whatever the clock here says of it. */
const FRESH_MS = 60_000;

interface Kept {
  readonly userId: string;
  readonly tokens: Tokens;
}

/**
 * Keeps one login in `localStorage` and exchanges its tokens: one tab at a time, because each refresh token works once.
 * The pages of one origin can read `localStorage`; a page that must not run foreign code (ours forbids it by its content security policy) can use this.
 */
export class TokenKeeper {
  readonly #key: string;
  readonly #accounts: Accounts;
  readonly #store = openStore();
  /** The exchange that is under way in this tab. */
  #exchanging: Promise<string> | undefined;
  #fresh: { readonly accessToken: string; readonly sinceMs: number } | undefined;

  private constructor(address: string, name: string) {
    this.#key = `skein.${name}.login`;
    this.#accounts = new Accounts(address);
  }

  /** The keeper of a server's login. `name` tells several apart on one origin. */
  static open(options: { readonly address: string; readonly name?: string }): TokenKeeper {
    return new TokenKeeper(options.address, options.name ?? "default");
  }

  /** Who is logged in in this browser, if anyone. */
  get userId(): string | undefined {
    return this.#read()?.userId;
  }

  /** The device that was used last; log in with it again instead of adding one more. */
  get deviceId(): string | undefined {
    return this.#read()?.tokens.deviceId ?? this.#store.getItem(`${this.#key}.device`) ?? undefined;
  }

  /** Keeps a login. */
  save(login: Login): void {
    this.#store.setItem(`${this.#key}.device`, login.tokens.deviceId);
    this.#write({ userId: login.user.userId, tokens: login.tokens });
  }

  /** Forgets the login, not the device. */
  clear(): void {
    this.#store.removeItem(this.#key);
  }

  /** Tells when another tab has logged in or out. Returns the unsubscribe. */
  onChange(listener: () => void): () => void {
    let userId = this.userId;
    const onStorage = (event: StorageEvent) => {
      if (event.key !== this.#key && event.key !== null) return;
      if (this.userId === userId) return;
      userId = this.userId;
      listener();
    };
    if (typeof addEventListener === "undefined") return () => {};
    addEventListener("storage", onStorage);
    return () => removeEventListener("storage", onStorage);
  }

  /** For `client.connect`. */
  readonly provider: TokenProvider = async ({ rejected }) => {
    const current = this.#usable(rejected);
    if (current !== undefined) return current;
    if (this.#exchanging !== undefined) return this.#exchanging;
    // Another tab may have exchanged it while we waited for the lock.
    const exchange = async () => this.#usable(rejected) ?? this.#exchange();
    this.#exchanging = exclusively(this.#key, exchange).finally(() => {
      this.#exchanging = undefined;
    });
    return this.#exchanging;
  };

  #usable(rejected: string | undefined): string | undefined {
    const tokens = this.#read()?.tokens;
    if (tokens === undefined) throw new SkeinError("TOKEN_REVOKED", "nobody is logged in in this browser");
    const { accessToken, accessExpiresMs } = tokens;
    if (accessToken === rejected) return undefined;
    const fresh = this.#fresh?.accessToken === accessToken && Math.abs(Date.now() - this.#fresh.sinceMs) < FRESH_MS;
    return fresh || accessExpiresMs - EARLY_MS > Date.now() ? accessToken : undefined;
  }

  async #exchange(): Promise<string> {
    const kept = this.#read();
    if (kept === undefined) throw new SkeinError("TOKEN_REVOKED", "nobody is logged in in this browser");
    try {
      const tokens = await this.#accounts.refresh(kept.tokens.refreshToken);
      this.#fresh = { accessToken: tokens.accessToken, sinceMs: Date.now() };
      // Logged out meanwhile, in another tab: nothing is brought back.
      if (this.#read() !== undefined) this.#write({ userId: kept.userId, tokens });
      return tokens.accessToken;
    } catch (thrown) {
      const error = asSkeinError(thrown);
      if (error.retryable || error.code === "UNKNOWN") throw error;
      throw new SkeinError("TOKEN_REVOKED", error.message);
    }
  }

  #read(): Kept | undefined {
    const text = this.#store.getItem(this.#key);
    if (text === null) return undefined;
    try {
      const kept = JSON.parse(text) as Partial<Kept> | null;
      return kept?.userId === undefined || kept.tokens === undefined ? undefined : (kept as Kept);
    } catch {
      return undefined;
    }
  }

  #write(kept: Kept): void {
    this.#store.setItem(this.#key, JSON.stringify(kept));
  }
}

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** `localStorage`; what it does not take, or where there is none, is kept until the page is left. */
function openStore(): Store {
  const kept = new Map<string, string>();
  let local: Store | undefined;
  try {
    local = globalThis.localStorage;
  } catch {
    // Refused, by a setting of the browser.
  }
  return {
    getItem: (key) => kept.get(key) ?? local?.getItem(key) ?? null,
    setItem(key, value) {
      kept.delete(key);
      try {
        if (local === undefined) kept.set(key, value);
        else local.setItem(key, value);
      } catch {
        kept.set(key, value);
      }
    },
    removeItem(key) {
      kept.delete(key);
      local?.removeItem(key);
    },
  };
}

/** Runs one piece of work at a time, across the tabs of this browser where it can. */
function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  return locks === undefined ? work() : (locks.request(name, work) as Promise<T>);
}
