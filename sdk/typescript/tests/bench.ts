/** A link whose transports, tokens and time are in the hands of the test. */

import { vi } from "vitest";
import type { Frame } from "../src/gen/skein/v1/link_pb.js";
import { Link, type LinkOptions } from "../src/link/link.js";
import type { Connection, Transport, TransportEvents, TransportName } from "../src/link/transport.js";
import { frame, numbersOf } from "./frames.js";

/** One try to connect, in the hands of the test. */
export class Try implements Connection {
  readonly sent: Frame[] = [];
  closed = false;

  constructor(
    readonly transport: TransportName,
    readonly events: TransportEvents,
  ) {}

  send(sent: Frame): void {
    this.sent.push(sent);
  }

  close(): void {
    this.closed = true;
  }

  get hello() {
    const hello = this.sent.find(({ body }) => body.case === "hello")?.body;
    return hello?.case === "hello" ? hello.value : undefined;
  }

  /** Opens and is welcomed. */
  welcome(change: { resumed?: boolean; lifeMs?: number; session?: number } = {}): void {
    const { resumed = false, lifeMs = 0, session = 1 } = change;
    this.events.opened();
    const now = Date.now();
    const value = {
      sessionId: Uint8Array.of(session),
      resumed,
      heartbeatMs: 30_000,
      serverTimeMs: BigInt(now),
      tokenExpiresMs: BigInt(lifeMs === 0 ? 0 : now + lifeMs),
    };
    this.events.frame(frame({ case: "welcome", value }));
  }
}

export class Bench {
  readonly tries: Try[] = [];
  readonly said: string[] = [];
  readonly rejected: (string | undefined)[] = [];
  readonly pushed: number[] = [];
  /** What the gateways were told. */
  readonly gateways: string[] = [];
  reachable = true;
  tokens: LinkOptions["tokens"] = async ({ rejected }) => {
    this.rejected.push(rejected);
    return `token ${this.rejected.length}`;
  };
  renew: LinkOptions["renew"] = async () => 3_600_000;
  readonly link: Link;

  constructor(transports: readonly TransportName[] = ["websocket", "stream", "poll"]) {
    this.link = new Link(
      {
        transports: transports.map((name) => this.#transport(name)),
        tokens: (reason) => this.tokens(reason),
        client: "test",
        gateways: {
          works: () => void this.gateways.push("works"),
          failed: () => void this.gateways.push("failed"),
          leave: (named) => void this.gateways.push(`leave ${named.join(" ")}`),
        },
        reachable: async () => this.reachable,
        renew: (token) => this.renew(token),
      },
      {
        connecting: (attempt) => this.said.push(`connecting ${attempt}`),
        waiting: (attempt) => this.said.push(`waiting ${attempt}`),
        ready: (_welcome, transport) => this.said.push(`ready ${transport}`),
        push: (events) => this.pushed.push(...numbersOf(events)),
        closed: (code, text) => this.said.push(`closed ${code} ${text}`),
      },
    );
  }

  #transport(name: TransportName): Transport {
    return {
      name,
      carriesRequests: name === "websocket",
      connect: (events) => {
        const one = new Try(name, events);
        this.tries.push(one);
        return one;
      },
    };
  }

  get last(): Try {
    const last = this.tries.at(-1);
    if (last === undefined) throw new Error("nothing was tried");
    return last;
  }

  /** Connects and is welcomed. */
  async up(change: Parameters<Try["welcome"]>[0] = {}): Promise<Try> {
    this.link.connect();
    await settle();
    this.last.welcome(change);
    return this.last;
  }

  /** Lets time pass until there is one more try. */
  async next(): Promise<Try> {
    const before = this.tries.length;
    for (let ms = 0; this.tries.length === before; ms += 10) {
      if (ms > 20_000) throw new Error(`no further try after ${this.said.join(", ")}`);
      await vi.advanceTimersByTimeAsync(10);
    }
    return this.last;
  }
}

/** Lets everything happen that waits for nothing. */
export const settle = () => vi.advanceTimersByTimeAsync(0);
