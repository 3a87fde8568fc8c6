/** Keeps one session connected: reconnects by the range of the close code, with backoff and jitter, and goes down to HTTP where WebSockets are broken. */

import { asSkeinError, SkeinError } from "../error.js";
import type { Event, Frame, Welcome } from "../gen/skein/v1/link_pb.js";
import { CloseCode } from "../gen/skein/v1/link_pb.js";
import type { RoomPush } from "../gen/skein/v1/room_pb.js";
import type { TokenProvider } from "../tokens.js";
import { backoffMs } from "./backoff.js";
import type { Chooser } from "./choose.js";
import { afterClose, type CloseReason, closeReason } from "./close_code.js";
import type { Gateways } from "./gateways.js";
import { Session, type SessionEvent, WELCOME_TIMEOUT_MS } from "./session.js";
import type { Connection, Transport, TransportName } from "./transport.js";

/** While on a fallback, the best transport is tried again after this, and then ever less often. */
const UPGRADE_MS = 30_000;
const UPGRADE_MS_MAX = 10 * 60_000;
/** A connection that lasted this long worked: the next tries begin with short waits again. */
const STABLE_MS = 10_000;
/** A transport that has worked here fails so often in a row before another one is tried. */
const FAILURES_MAX = 3;
/** A token is renewed on the open link this long before it expires. */
const RENEW_EARLY_MS = 60_000;
const RENEW_MS_MIN = 1_000;
/** Longest delay that a timer of a browser can hold. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** After the server said that it has too much to do, waits begin as if so many tries had failed. */
const OVERLOADED_ATTEMPT = 5;

export interface LinkOptions {
  /** The best one first. */
  readonly transports: readonly Transport[];
  readonly tokens: TokenProvider;
  /** Name and version of the client software, for the server's logs. */
  readonly client: string;
  /** Where the transports connect to, as far as the server has a say in it. */
  readonly gateways?: Pick<Gateways, "works" | "failed" | "leave">;
  /** Finds an address that answers. */
  readonly chooser?: Pick<Chooser, "prepare" | "works">;
  /** Whether plain HTTP reaches the server, asked after a transport has failed. */
  readonly reachable: () => Promise<boolean>;
  /** Moves the link to a fresh access token; returns how long that lives, in milliseconds. */
  readonly renew: (token: string) => Promise<number>;
}

/** What the owner of a link is told. */
export interface LinkEvents {
  connecting(attempt: number): void;
  waiting(attempt: number, retryAtMs: number): void;
  ready(welcome: Welcome, transport: TransportName): void;
  push(events: readonly Event[], lagging: boolean): void;
  /** Of a live room. */
  room?(push: RoomPush): void;
  /** For good. */
  closed(code: CloseReason, text: string): void;
}

type Timer = ReturnType<typeof setTimeout>;

interface Pending {
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: SkeinError) => void;
}

/** One link to the server, over any number of connections. */
export class Link {
  readonly #session: Session;
  readonly #pending = new Map<number, Pending>();
  #connection: Connection | undefined;
  #probe: Connection | undefined;
  #transport = 0;
  /** Transports that have worked here, and how often the present one has failed since. */
  readonly #worked = new Set<Transport>();
  #failures = 0;
  #attempt = 0;
  #token: string | undefined;
  #rejected: string | undefined;
  /** The server called a fresh token bad; once may be a mistake. */
  #bad = false;
  #timer: Timer | undefined;
  #retry: Timer | undefined;
  #renewal: Timer | undefined;
  #upgrade: Timer | undefined;
  #farewell: Timer | undefined;
  /** Where the server sends us, from the moment it says so until we have left. */
  #sentTo: readonly string[] | undefined;
  #upgradeMs = UPGRADE_MS;
  #opening = false;
  #stopped = false;
  /** When the welcome of this connection came. */
  #welcomedMs: number | undefined;
  #closedBy: { code: number; text: string } | undefined;

  constructor(
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    this.#session = new Session(options.client);
  }

  /** Connects, now rather than at the next planned try. */
  connect(): void {
    if (this.#stopped || this.#connection !== undefined || this.#opening) return;
    clearTimeout(this.#retry);
    void this.#open();
  }

  /** Drops the connection and connects again: the network has changed. */
  reconnect(): void {
    if (this.#connection !== undefined) this.#drop();
    this.connect();
  }

  /** Something may have happened to the connection that nobody has told: asks the server for a sign of life, or connects. */
  check(): void {
    if (this.#connection === undefined) this.connect();
    else if (this.carriesRequests) {
      this.#session.handleDoubt(Date.now());
      this.#turn();
    }
  }

  /** Ends for good. Open requests fail with `CLOSED`. */
  stop(): void {
    this.#stopped = true;
    this.#fail([...this.#pending.keys()], SkeinError.closed());
    this.#drop();
    clearTimeout(this.#retry);
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
    this.#opening = true;
    this.#attempt += 1;
    this.events.connecting(this.#attempt);
    let token: string;
    try {
      await this.options.chooser?.prepare(this.#attempt > 1);
      if (this.#stopped) return;
      token = await this.options.tokens({ rejected: this.#rejected });
    } catch (thrown) {
      this.#opening = false;
      this.#refused(asSkeinError(thrown));
      return;
    }
    this.#opening = false;
    if (this.#stopped) return;
    this.#token = token;
    this.#welcomedMs = undefined;
    this.#closedBy = undefined;
    // What a connection says after it was replaced is not heard.
    let connection: Connection | undefined;
    const mine = () => connection !== undefined && this.#connection === connection;
    connection = this.#current.connect({
      opened: () => {
        if (!mine()) return;
        this.#session.handleConnected(Date.now(), token, isHidden());
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
      Math.max(0, due - Date.now()),
    );
  }

  #event(event: SessionEvent): void {
    if (event.type === "lost") this.#fail(event.ids, SkeinError.offline());
    if (this.#stopped) return;
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
      case "room":
        this.events.room?.(event.push);
        break;
      case "goAway":
        // Spread over the time that the server allows.
        clearTimeout(this.#farewell);
        this.#sentTo = event.goAway.gateways;
        this.#farewell = setTimeout(() => this.reconnect(), Math.random() * event.goAway.afterMs);
        break;
      case "closed":
        this.#closedBy = event;
        break;
    }
  }

  #ready(welcome: Welcome): void {
    this.#welcomedMs = Date.now();
    this.#rejected = undefined;
    this.#bad = false;
    this.#failures = 0;
    this.options.gateways?.works();
    this.options.chooser?.works();
    this.#worked.add(this.#current);
    this.#planRenewal(Number(welcome.tokenExpiresMs) - Number(welcome.serverTimeMs));
    if (this.#transport > 0) this.#planUpgrade();
    else this.#upgradeMs = UPGRADE_MS;
    this.events.ready(welcome, this.#connection?.name ?? this.#current.name);
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
    if (this.#sentTo !== undefined) this.options.gateways?.leave(this.#sentTo, Date.now());
    this.#sentTo = undefined;
    this.#probe?.close();
    this.#probe = undefined;
    for (const timer of [this.#timer, this.#renewal, this.#upgrade, this.#farewell]) clearTimeout(timer);
    this.#session.handleDisconnected();
    this.#turn();
  }

  #ended(reason: { readonly closeCode?: number; readonly text: string }): void {
    const worked = this.#welcomedMs !== undefined;
    const sentAway = this.#sentTo !== undefined;
    if (worked && Date.now() - (this.#welcomedMs ?? 0) >= STABLE_MS) this.#attempt = 0;
    this.#drop();
    if (this.#stopped) return;
    const code = this.#closedBy?.code ?? reason.closeCode;
    const text = this.#closedBy?.text || reason.text;
    if (code === undefined) {
      // Lost after it worked: again. Never worked: perhaps this transport is what does not work here.
      if (worked) this.#wait();
      else void this.#fallBack();
      return;
    }
    if (code === CloseCode.TOKEN_EXPIRED || (code === CloseCode.BAD_TOKEN && !this.#bad)) {
      this.#bad = code === CloseCode.BAD_TOKEN;
      this.#rejected = this.#token;
      this.#session.forget();
      this.#wait();
    } else if (afterClose(code) === "stay") {
      this.#close(closeReason(code), text);
    } else {
      if (afterClose(code) === "afresh") this.#session.forget();
      // What goes away or has too much to do is not the first to be asked again, unless it has just sent us elsewhere.
      const busy = code === CloseCode.SHUTDOWN || code === CloseCode.OVERLOADED;
      if (code === CloseCode.OVERLOADED) this.#attempt = Math.max(this.#attempt, OVERLOADED_ATTEMPT);
      if (busy && !sentAway) this.options.gateways?.failed(Date.now());
      this.#wait();
    }
  }

  /** A transport did not come up. When HTTP works, the next one is tried; when nothing works, the server is away. */
  async #fallBack(): Promise<void> {
    this.#opening = true;
    this.#failures += 1;
    const reachable = await this.options.reachable().catch(() => false);
    this.#opening = false;
    if (this.#stopped) return;
    // A server that has just come back is reachable a moment after its transport failed.
    const enough = this.#failures >= (this.#worked.has(this.#current) ? FAILURES_MAX : 1);
    if (!reachable || !enough) {
      if (!reachable) {
        this.#failures = 0;
        this.options.gateways?.failed(Date.now());
      }
      this.#wait();
      return;
    }
    this.#failures = 0;
    this.#transport = (this.#transport + 1) % this.options.transports.length;
    if (this.#transport > 0) void this.#open();
    else this.#wait();
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

  #planUpgrade(): void {
    clearTimeout(this.#upgrade);
    this.#upgrade = setTimeout(() => this.#tryBest(), this.#upgradeMs);
    this.#upgradeMs = Math.min(UPGRADE_MS_MAX, this.#upgradeMs * 2);
  }

  /** Looks whether the best transport works by now, beside the connection that serves: it does when a hello over it is welcomed. */
  #tryBest(): void {
    const [best] = this.options.transports;
    if (best === undefined) return;
    let probe: Connection | undefined;
    const done = (works: boolean) => {
      if (probe === undefined || this.#probe !== probe) return;
      clearTimeout(this.#upgrade);
      probe.close();
      this.#probe = undefined;
      if (!works) return this.#planUpgrade();
      this.#transport = 0;
      this.reconnect();
    };
    const session = new Session(this.options.client);
    probe = best.connect({
      opened: () => {
        session.handleConnected(Date.now(), this.#token ?? "");
        const hello = session.pollFrame(Date.now());
        if (hello !== undefined) probe?.send(hello);
      },
      frame: (frame) => done(frame.body.case === "welcome"),
      alive: () => {},
      ended: () => done(false),
    });
    this.#probe = probe;
    this.#upgrade = setTimeout(() => done(false), WELCOME_TIMEOUT_MS);
  }

  #planRenewal(lifeMs: number): void {
    clearTimeout(this.#renewal);
    if (lifeMs <= 0 || !this.#current.carriesRequests) return;
    // A token of a short life is renewed when half of it is over.
    const delay = Math.max(RENEW_MS_MIN, lifeMs - Math.min(RENEW_EARLY_MS, lifeMs / 2));
    if (delay > TIMER_MS_MAX) return;
    const plannedMs = Date.now();
    this.#renewal = setTimeout(() => void this.#renew(plannedMs + lifeMs), delay);
  }

  /** `endsMs`: when the present token ends, by the clock here. */
  async #renew(endsMs: number): Promise<void> {
    const connection = this.#connection;
    const stands = () => !this.#stopped && this.#connection === connection && connection !== undefined;
    try {
      const token = await this.options.tokens({ rejected: this.#token });
      if (!stands()) return;
      this.#token = token;
      const lifeMs = await this.options.renew(token);
      if (stands()) this.#planRenewal(lifeMs);
    } catch {
      // The old token still serves for a while; when it ends the link is closed, and opened with a new one.
      if (stands() && endsMs - Date.now() > RENEW_MS_MIN) this.#planRenewal(endsMs - Date.now());
    }
  }
}

/** Whether nobody looks at this page. */
function isHidden(): boolean {
  return typeof document !== "undefined" && document.visibilityState === "hidden";
}
