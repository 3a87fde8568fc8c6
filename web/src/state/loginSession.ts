/** Who is logged in in this browser: restores it, begins it, ends it, and knows why it has ended. */

import { Accounts, Client, type CloseReason, type Login, type Observable, TokenKeeper } from "@skein/client";
import { currentText } from "../text/language";
import { changing } from "./changing";
import { deviceName } from "./deviceName";
import { kept } from "./kept";
import { knownDevice, rememberDevice } from "./knownDevices";

/** Why the log-in page is shown instead of the conversations. */
export type OutReason = CloseReason | "otherTab" | "clientOffline";

export type SessionState =
  | { readonly at: "opening" }
  | { readonly at: "out"; readonly reason?: OutReason }
  | { readonly at: "in"; readonly client: Client }
  /** Still logged in, but the server will not be asked again by itself. */
  | { readonly at: "stopped"; readonly reason: CloseReason }
  /** What is stored in this browser could not be read. */
  | { readonly at: "failed" };

/** After these the login is gone, and so is what was stored here. */
const ENDS_LOGIN: ReadonlySet<CloseReason> = new Set(["BAD_TOKEN", "TOKEN_REVOKED", "KICKED", "ACCOUNT_SUSPENDED"]);

/** The user who is logging out of this browser, or did so last. */
const leaving = kept("skein.leaving");

export class Session {
  readonly #address: string;
  readonly #accounts: Accounts;
  readonly #keeper: TokenKeeper;
  readonly #state = changing<SessionState>({ at: "opening" });
  #client: Client | undefined;

  constructor(address: string) {
    this.#address = address;
    this.#accounts = new Accounts(address);
    this.#keeper = TokenKeeper.open({ address });
    this.#keeper.onChange(() => void this.#followOtherTab());
    // A page that is kept for going back (`persisted`) is frozen, not left: its client goes on when it is shown again.
    window.addEventListener("pagehide", (event) => {
      if (!event.persisted) void this.#client?.close();
    });
  }

  get state(): Observable<SessionState> {
    return this.#state;
  }

  /** Goes on with the login that this browser keeps, if there is one. */
  async restore(): Promise<void> {
    const userId = this.#keeper.userId;
    if (userId === undefined) this.#state.set({ at: "out" });
    else await this.#open(userId).catch(() => this.#state.set({ at: "failed" }));
  }

  async logIn(username: string, password: string): Promise<void> {
    await this.#begin(username, await this.#accounts.logIn({ username, password, device: this.#device(username) }));
  }

  async register(username: string, password: string, displayName: string): Promise<void> {
    const name = displayName === "" ? {} : { displayName };
    const device = this.#device(undefined);
    await this.#begin(username, await this.#accounts.register({ username, password, ...name, device }));
  }

  async logOut(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // For the other tabs, which are closed by this: nobody else has logged them out.
    leaving.write(client?.userId);
    let reason: OutReason = "client";
    try {
      await client?.logOut();
    } catch {
      reason = "clientOffline";
    }
    this.#keeper.clear();
    this.#state.set({ at: "out", reason });
  }

  #device(username: string | undefined) {
    const deviceId = username === undefined ? undefined : knownDevice(username);
    const name = deviceName(navigator.userAgent, currentText());
    return { platform: "web" as const, name, ...(deviceId === undefined ? {} : { deviceId }) };
  }

  async #begin(username: string, login: Login): Promise<void> {
    leaving.write(undefined);
    rememberDevice(username, login.tokens.deviceId);
    this.#keeper.save(login);
    await this.#open(login.user.userId);
  }

  async #open(userId: string): Promise<void> {
    if (this.#client?.userId === userId) return;
    await this.#client?.close();
    const client = new Client({ address: this.#address, userId, storage: "indexeddb", clientName: "skein-web" });
    this.#client = client;
    client.on("closed", ({ code }) => void this.#closed(client, code));
    await client.connect(this.#keeper.provider);
    if (this.#client === client) this.#state.set({ at: "in", client });
  }

  async #closed(client: Client, reason: CloseReason): Promise<void> {
    if (this.#client !== client || reason === "client") return;
    if (!ENDS_LOGIN.has(reason)) {
      this.#state.set({ at: "stopped", reason });
      return;
    }
    this.#client = undefined;
    const byOtherTab = leaving.read() === client.userId;
    this.#state.set({ at: "out", reason: byOtherTab ? "otherTab" : reason });
    this.#keeper.clear();
    await client.wipe();
  }

  async #followOtherTab(): Promise<void> {
    const userId = this.#keeper.userId;
    if (userId !== undefined) {
      await this.#open(userId);
    } else if (this.#client !== undefined) {
      const client = this.#client;
      this.#client = undefined;
      this.#state.set({ at: "out", reason: "otherTab" });
      await client.close();
    }
  }
}
