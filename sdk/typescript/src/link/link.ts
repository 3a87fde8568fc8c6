/** Keeps one session connected: reconnects by the range of the close code, with backoff and jitter, and goes down to HTTP where WebSockets are broken. */

import { asSkeinError, SkeinError } from "../error.js";
import type { Event, Frame, Welcome } from "../gen/skein/v1/link_pb.js";
import { CloseCode } from "../gen/skein/v1/link_pb.js";
import type { TokenProvider } from "../tokens.js";
import { backoffMs } from "./backoff.js";
import { afterClose, type CloseReason, closeReason } from "./close_code.js";
import { Session, type SessionEvent } from "./session.js";
import type { Connection, Transport, TransportName } from "./transport.js";

/** While on a fallback, a better transport is tried again this often. */
const UPGRADE_INTERVAL_MS = 30_000;
/** A token is renewed on the open link this long before it expires. */
const RENEW_EARLY_MS = 60_000;
/** Longest delay that a timer of a browser can hold. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export interface LinkOptions {
  /** The best one first. */
  readonly transports: readonly Transport[];
  readonly tokens: TokenProvider;
  /** Name and version of the client software, for the server's logs. */
  readonly client: string;
  /** Whether plain HTTP reaches the server, asked after a transport has failed. */
  readonly reachable: () => Promise<boolean>;
  /** Moves the link to a fresh access token; returns when that expires. */
  readonly renew: (token: string) => Promise<number>;
}

/** What the owner of a link is told. */
export interface LinkEvents {
  connecting(attempt: number): void;
  waiting(attempt: number, retryAtMs: number): void;
  ready(welcome: Welcome, transport: TransportName): void;
  push(events: readonly Event[], lagging: boolean): void;
  /** For good. */
  closed(code: CloseReason, text: string): void;
}

interface Pending {
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: SkeinError) => void;
}

/** One link to the server, over any number of connections. */
export class Link {
  readonly #session: Session;
  readonly #pending = new Map<number, Pending>();
  #connection: Connection | undefined;
  #transport = 0;
  #attempt = 0;
  #token: string | undefined;
  #rejected: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #upgrade: ReturnType<typeof setInterval> | undefined;
  #stopped = false;
  /** The welcome of this connection has come. */
  #welcomed = false;
  #closedBy: { code: number; text: string } | undefined;

  constructor(
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    this.#session = new Session(options.client);
  }

  /** Connects, now rather than at the next planned try. */
  connect(): void {
    if (this.#stopped || this.#connection !== undefined || this.#connecting) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    void this.#open();
  }

  #connecting = false;

  /** Drops the connection and connects again: the network has changed. */
  reconnect(): void {
    if (this.#connection === undefined) this.connect();
    else this.#ended({ text: "reconnecting" });
  }

  /** Ends for good. Open requests fail with `CLOSED`. */
  stop(): void {
    this.#stopped = true;
    this.#drop();
    clearTimeout(this.#retry);
    this.#fail([...this.#pending.keys()], SkeinError.closed());
  }

  /** Whether requests can go through the link now. */
  get carriesRequests(): boolean {
    return this.#session.ready && this.#current.carriesRequests;
  }

  /** Makes a request over the link. Throws `OFFLINE` when the connection is lost before the answer: whether it was done is not known then. */
  request(method: string, body: Uint8Array): Promise<Uint8Array> {
    if (!this.carriesRequests) return Promise.reject(SkeinError.offline());
    return new Promise((resolve, reject) => {
      this.#pending.set(this.#session.request(method, body), { resolve, reject });
      this.#turn();
    });
  }

  get #current(): Transport {
    const transport = this.options.transports[this.#transport % this.options.transports.length];
    if (transport === undefined) throw new SkeinError("INVALID_ARGUMENT", "a link needs a transport");
    return transport;
  }

  async #open(): Promise<void> {
    this.#connecting = true;
    this.#attempt += 1;
    this.events.connecting(this.#attempt);
    try {
      this.#token = await this.options.tokens({ rejected: this.#rejected });
    } catch (thrown) {
      this.#connecting = false;
      this.#refused(asSkeinError(thrown));
      return;
    }
    this.#connecting = false;
    if (this.#stopped) return;
    this.#welcomed = false;
    this.#closedBy = undefined;
    const token = this.#token;
    // What a connection says after it was replaced is not heard.
    let connection: Connection | undefined;
    const mine = () => connection === undefined || this.#connection === connection;
    connection = this.#current.connect({
      opened: () => {
        if (!mine()) return;
        this.#session.handleConnected(Date.now(), token);
        this.#turn();
      },
      frame: (frame) => mine() && this.#frame(frame),
      alive: () => mine() && this.#session.handleAlive(Date.now()),
      ended: (reason) => mine() && this.#ended(reason),
    });
    this.#connection = connection;
    // A connection that never opens is given up like one that is never welcomed.
    this.#session.handleConnecting(Date.now());
    this.#turn();
  }

  /** There is no token. */
  #refused(error: SkeinError): void {
    if (this.#stopped) return;
    if (error.retryable || error.code === "UNKNOWN") this.#wait();
    else this.#close(error.code === "ACCOUNT_SUSPENDED" ? "ACCOUNT_SUSPENDED" : "TOKEN_REVOKED", error.message);
  }

  #frame(frame: Frame): void {
    if (this.#session.handleFrame(Date.now(), frame)) this.#turn();
    else this.#ended({ text: "the server broke the protocol" });
  }

  /** Moves everything that the session wants moved. */
  #turn(): void {
    const now = Date.now();
    for (let frame = this.#session.pollFrame(now); frame !== undefined; frame = this.#session.pollFrame(now)) {
      this.#connection?.send(frame);
    }
    for (let event = this.#session.pollEvent(); event !== undefined; event = this.#session.pollEvent()) {
      this.#event(event);
    }
    clearTimeout(this.#timer);
    const due = this.#session.pollTimeout();
    if (due === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#session.handleTimeout(Date.now());
        if (this.#session.pollTimeout() === undefined) this.#ended({ text: "the server is silent" });
        else this.#turn();
      },
      Math.max(0, due - now),
    );
  }

  #event(event: SessionEvent): void {
    switch (event.type) {
      case "ready":
        this.#ready(event.welcome);
        break;
      case "response": {
        const pending = this.#pending.get(event.id);
        this.#pending.delete(event.id);
        if (event.result instanceof SkeinError) pending?.reject(event.result);
        else pending?.resolve(event.result);
        break;
      }
      case "push":
        this.events.push(event.events, event.lagging);
        break;
      case "goAway":
        // Spread over the time that the server allows.
        setTimeout(() => this.reconnect(), Math.random() * event.goAway.afterMs);
        break;
      case "closed":
        this.#closedBy = event;
        break;
      case "lost":
        this.#fail(event.ids, SkeinError.offline());
        break;
    }
  }

  #ready(welcome: Welcome): void {
    this.#attempt = 0;
    this.#welcomed = true;
    this.#rejected = undefined;
    this.#planRenewal(Number(welcome.tokenExpiresMs), Number(welcome.serverTimeMs));
    clearInterval(this.#upgrade);
    if (this.#transport > 0) this.#upgrade = setInterval(() => this.#tryBetter(), UPGRADE_INTERVAL_MS);
    this.events.ready(welcome, this.#current.name);
  }

  #fail(ids: readonly number[], error: SkeinError): void {
    for (const id of ids) {
      this.#pending.get(id)?.reject(error);
      this.#pending.delete(id);
    }
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
    clearTimeout(this.#timer);
    clearTimeout(this.#renewal);
    clearInterval(this.#upgrade);
    this.#session.handleDisconnected();
    this.#turn();
  }

  #ended(reason: { readonly closeCode?: number; readonly text: string }): void {
    const welcomed = this.#welcomed;
    this.#drop();
    if (this.#stopped) return;
    const code = this.#closedBy?.code ?? reason.closeCode;
    const text = this.#closedBy?.text || reason.text;
    if (code === undefined) {
      // Lost after it worked: at once. Never worked: perhaps this transport is what does not work here.
      if (welcomed) this.#wait();
      else void this.#fallBack();
      return;
    }
    const expired =
      code === CloseCode.TOKEN_EXPIRED || (code === CloseCode.BAD_TOKEN && this.#rejected !== this.#token);
    if (expired) {
      this.#rejected = this.#token;
      this.#session.forget();
      this.#wait();
    } else if (afterClose(code) === "stay") {
      this.#close(closeReason(code), text);
    } else {
      if (afterClose(code) === "afresh") this.#session.forget();
      this.#wait();
    }
  }

  /** A transport did not come up. When HTTP works, the next one is tried; when nothing works, the server is away. */
  async #fallBack(): Promise<void> {
    this.#connecting = true;
    const reachable = await this.options.reachable();
    this.#connecting = false;
    if (reachable && this.options.transports.length > 1) {
      this.#transport = (this.#transport + 1) % this.options.transports.length;
      if (this.#transport > 0 && !this.#stopped) {
        void this.#open();
        return;
      }
    }
    this.#wait();
  }

  #wait(): void {
    if (this.#stopped) return;
    const delay = backoffMs(Math.max(1, this.#attempt), Math.random());
    this.events.waiting(this.#attempt, Date.now() + delay);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.connect(), delay);
  }

  #close(code: CloseReason, text: string): void {
    this.stop();
    this.events.closed(code, text);
  }

  /** Looks whether the best transport works by now, beside the connection that serves. */
  #tryBetter(): void {
    const best = this.options.transports[0];
    const probe = best?.connect({
      opened: () => {
        probe?.close();
        this.#transport = 0;
        this.reconnect();
      },
      frame: () => {},
      alive: () => {},
      ended: () => {},
    });
  }

  #planRenewal(expiresMs: number, serverTimeMs: number): void {
    clearTimeout(this.#renewal);
    if (expiresMs === 0 || !this.#current.carriesRequests) return;
    const delay = Math.max(1_000, expiresMs - serverTimeMs - RENEW_EARLY_MS);
    if (delay > TIMER_MS_MAX) return;
    this.#renewal = setTimeout(() => void this.#renew(serverTimeMs + delay), delay);
  }

  async #renew(serverTimeMs: number): Promise<void> {
    try {
      this.#token = await this.options.tokens({ rejected: this.#token });
      this.#planRenewal(await this.options.renew(this.#token), serverTimeMs);
    } catch {
      // The old token still serves for a while; the link will be closed when it ends, and opened with a new one.
    }
  }
}
