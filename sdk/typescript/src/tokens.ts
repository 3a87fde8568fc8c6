/** Where access tokens come from, and keeping the tokens of a login in the browser. */

import { Accounts } from "./accounts.js";
import { asSkeinError, SkeinError } from "./error.js";
import type { Login, Tokens } from "./model/account.js";

/** Gives an access token. `rejected` is the one that no longer serves, so that a different one is needed. Throws `TOKEN_REVOKED` and the like when there is none. */
export type TokenProvider = (reason: { readonly rejected: string | undefined }) => Promise<string>;

/** A token is exchanged this long before it expires. */
const EARLY_MS = 30_000;

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
    return this.#read()?.tokens.deviceId ?? localStorage.getItem(`${this.#key}.device`) ?? undefined;
  }

  /** Keeps a login. */
  save(login: Login): void {
    localStorage.setItem(`${this.#key}.device`, login.tokens.deviceId);
    this.#write({ userId: login.user.userId, tokens: login.tokens });
  }

  /** Forgets the login, not the device. */
  clear(): void {
    localStorage.removeItem(this.#key);
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
    addEventListener("storage", onStorage);
    return () => removeEventListener("storage", onStorage);
  }

  /** For `client.connect`. */
  readonly provider: TokenProvider = ({ rejected }) => {
    const current = this.#usable(rejected);
    if (current !== undefined) return Promise.resolve(current);
    // Another tab may have exchanged it while we waited for the lock.
    return exclusively(this.#key, async () => this.#usable(rejected) ?? this.#exchange());
  };

  #usable(rejected: string | undefined): string | undefined {
    const tokens = this.#read()?.tokens;
    if (tokens === undefined) throw new SkeinError("TOKEN_REVOKED", "nobody is logged in in this browser");
    return tokens.accessToken !== rejected && tokens.accessExpiresMs - EARLY_MS > Date.now()
      ? tokens.accessToken
      : undefined;
  }

  async #exchange(): Promise<string> {
    const kept = this.#read();
    if (kept === undefined) throw new SkeinError("TOKEN_REVOKED", "nobody is logged in in this browser");
    try {
      const tokens = await this.#accounts.refresh(kept.tokens.refreshToken);
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
    const text = localStorage.getItem(this.#key);
    if (text === null) return undefined;
    try {
      return JSON.parse(text) as Kept;
    } catch {
      return undefined;
    }
  }

  #write(kept: Kept): void {
    localStorage.setItem(this.#key, JSON.stringify(kept));
  }
}

/** Runs one piece of work at a time, across the tabs of this browser where it can. */
function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  return locks === undefined ? work() : (locks.request(name, work) as Promise<T>);
}
