/** The client's end of a link: every rule by itself, and the promise as a whole under cuts at every point. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frame, numbersOf, push, ServerEnd, welcome } from "../../tests/frames.js";
import { SkeinError } from "../error.js";
import { ErrorCode } from "../gen/skein/v1/error_pb.js";
import type { Frame } from "../gen/skein/v1/link_pb.js";
import { ACK_DELAY_MS, ACK_PUSHES_MAX, Session, type SessionEvent, WELCOME_TIMEOUT_MS } from "./session.js";

const START_MS = 1_000;
const NO_BODY = new Uint8Array();

function frames(session: Session, nowMs = START_MS): Frame[] {
  const out: Frame[] = [];
  for (let next = session.pollFrame(nowMs); next !== undefined; next = session.pollFrame(nowMs)) out.push(next);
  return out;
}

function events(session: Session): SessionEvent[] {
  const out: SessionEvent[] = [];
  for (let next = session.pollEvent(); next !== undefined; next = session.pollEvent()) out.push(next);
  return out;
}

function ready(): Session {
  const session = new Session("test");
  session.handleConnected(START_MS, "token");
  frames(session);
  session.handleFrame(START_MS, welcome());
  events(session);
  return session;
}

describe("hello", () => {
  it("comes first, with the token and the client", () => {
    const session = new Session("test/1");
    session.handleConnecting(START_MS);
    expect(frames(session)).toEqual([]);
    session.handleConnected(START_MS, "token");
    const [hello, ...rest] = frames(session);
    expect(rest).toEqual([]);
    expect(hello?.body).toMatchObject({ case: "hello", value: { token: "token", client: "test/1" } });
    expect(hello?.body.case === "hello" && hello.body.value.resume).toBeUndefined();
    expect(session.ready).toBe(false);
  });

  it("resumes from the last push that was taken", () => {
    const session = ready();
    session.handleFrame(START_MS, push(1));
    session.handleFrame(START_MS, push(2));
    session.handleDisconnected();
    session.handleConnected(START_MS, "other token");
    const hello = frames(session)[0]?.body;
    expect(hello).toMatchObject({
      value: { token: "other token", resume: { sessionId: Uint8Array.of(1), receivedLinkSeq: 2n } },
    });
  });

  it("starts anew after forget, and after a welcome without a session", () => {
    const session = ready();
    session.handleDisconnected();
    session.forget();
    session.handleConnected(START_MS, "token");
    expect(frames(session)[0]?.body.value).not.toHaveProperty("resume.sessionId");
    session.handleFrame(START_MS, frame({ case: "welcome", value: {} }));
    session.handleDisconnected();
    session.handleConnected(START_MS, "token");
    expect(frames(session)[0]?.body.value).not.toHaveProperty("resume.sessionId");
  });

  it("is not acked: no ack rides before the welcome", () => {
    const session = ready();
    session.handleFrame(START_MS, push(1));
    session.handleDisconnected();
    session.handleConnected(START_MS, "token");
    expect(frames(session)[0]?.ack).toBe(0n);
  });

  it("is given up when it is not answered", () => {
    const session = new Session("test");
    session.handleConnecting(START_MS);
    session.handleConnected(START_MS + 5, "token");
    const due = START_MS + 5 + WELCOME_TIMEOUT_MS;
    expect(session.pollTimeout()).toBe(due);
    session.handleTimeout(due - 1);
    expect(session.pollTimeout()).toBe(due);
    session.handleTimeout(due);
    expect(session.pollTimeout()).toBeUndefined();
  });

  it("is given up when the connection never opens", () => {
    const session = new Session("test");
    session.handleConnecting(START_MS);
    session.handleTimeout(START_MS + WELCOME_TIMEOUT_MS);
    expect(session.pollTimeout()).toBeUndefined();
  });
});

describe("acks", () => {
  it("wait a moment for company", () => {
    const session = ready();
    session.handleFrame(START_MS, push(1));
    session.handleFrame(START_MS + 5, push(2));
    expect(session.pollTimeout()).toBe(START_MS + ACK_DELAY_MS);
    session.handleTimeout(START_MS + ACK_DELAY_MS - 1);
    expect(frames(session)).toEqual([]);
    session.handleTimeout(START_MS + ACK_DELAY_MS);
    expect(frames(session).map(({ ack, body }) => [ack, body.case])).toEqual([[2n, undefined]]);
    session.handleTimeout(START_MS + 2 * ACK_DELAY_MS);
    expect(frames(session)).toEqual([]);
  });

  it("do not wait when many pushes do", () => {
    const session = ready();
    for (let seq = 1; seq < ACK_PUSHES_MAX; seq += 1) session.handleFrame(START_MS, push(seq));
    expect(session.pollTimeout()).toBe(START_MS + ACK_DELAY_MS);
    session.handleFrame(START_MS, push(ACK_PUSHES_MAX));
    expect(session.pollTimeout()).toBe(START_MS);
    session.handleTimeout(START_MS);
    expect(frames(session).map(({ ack }) => ack)).toEqual([BigInt(ACK_PUSHES_MAX)]);
  });

  it("ride on whatever leaves", () => {
    const session = ready();
    session.handleFrame(START_MS, push(1));
    session.request("A/B", NO_BODY);
    session.request("A/C", NO_BODY);
    expect(frames(session).map(({ ack }) => ack)).toEqual([1n, 0n]);
    session.handleTimeout(START_MS + ACK_DELAY_MS);
    expect(frames(session)).toEqual([]);
  });

  it("are repeated when a push comes twice", () => {
    const session = ready();
    session.handleFrame(START_MS, push(1));
    session.handleTimeout(START_MS + ACK_DELAY_MS);
    frames(session);
    session.handleDisconnected();
    session.handleConnected(START_MS, "token");
    frames(session);
    session.handleFrame(START_MS, welcome({ resumed: true }));
    session.handleFrame(START_MS, push(1));
    session.handleFrame(START_MS, push(2));
    const pushes = events(session).filter(({ type }) => type === "push");
    expect(pushes).toHaveLength(2);
    session.handleTimeout(START_MS);
    expect(frames(session).map(({ ack }) => ack)).toEqual([2n]);
  });

  it("begin again with a new session", () => {
    const session = ready();
    for (const seq of [1, 2, 3]) session.handleFrame(START_MS, push(seq));
    session.handleDisconnected();
    session.handleConnected(START_MS, "token");
    frames(session);
    session.handleFrame(START_MS, welcome({ resumed: false, session: 2 }));
    session.handleFrame(START_MS, push(1));
    const pushes = events(session).filter((event) => event.type === "push");
    expect(pushes.map(({ lagging }) => lagging)).toEqual([false, false, false, false]);
    session.handleTimeout(START_MS + ACK_DELAY_MS);
    expect(frames(session).map(({ ack }) => ack)).toEqual([1n]);
  });
});

describe("pushes", () => {
  it("say when the server lost some, and when there is a hole", () => {
    const session = ready();
    session.handleFrame(START_MS, push(1));
    session.handleFrame(START_MS, push(2, { lagging: true }));
    session.handleFrame(START_MS, push(4));
    const pushes = events(session).filter((event) => event.type === "push");
    expect(pushes.map(({ lagging }) => lagging)).toEqual([false, true, true]);
  });
});

describe("requests", () => {
  it("get their answers by id, whatever the order", () => {
    const session = ready();
    const [first, second] = [session.request("A/B", Uint8Array.of(1)), session.request("A/B", Uint8Array.of(2))];
    expect(frames(session).map(({ body }) => body.case === "request" && body.value.id)).toEqual([first, second]);
    session.handleFrame(START_MS, frame({ case: "response", value: { id: second, body: Uint8Array.of(9) } }));
    const error = { code: ErrorCode.BLOCKED, text: "no", retryAfterMs: 7 };
    session.handleFrame(START_MS, frame({ case: "response", value: { id: first, error } }));
    const [a, b] = events(session);
    expect(a).toMatchObject({ type: "response", id: second, result: Uint8Array.of(9) });
    expect(b?.type === "response" && b.result).toBeInstanceOf(SkeinError);
    expect(b).toMatchObject({ id: first, result: { code: "BLOCKED", retryAfterMs: 7 } });
  });

  it("are not answered twice, nor is a stranger", () => {
    const session = ready();
    const id = session.request("A/B", NO_BODY);
    session.handleFrame(START_MS, frame({ case: "response", value: { id } }));
    session.handleFrame(START_MS, frame({ case: "response", value: { id } }));
    session.handleFrame(START_MS, frame({ case: "response", value: { id: 99 } }));
    expect(events(session)).toHaveLength(1);
  });

  it("wait for the welcome", () => {
    const session = new Session("test");
    session.handleConnected(START_MS, "token");
    session.request("A/B", NO_BODY);
    expect(frames(session).map(({ body }) => body.case)).toEqual(["hello"]);
    session.handleFrame(START_MS, welcome());
    expect(frames(session).map(({ body }) => body.case)).toEqual(["request"]);
  });

  it("are lost with the connection, once, and at once without one", () => {
    const session = ready();
    const ids = [session.request("A/B", NO_BODY), session.request("A/B", NO_BODY)];
    session.handleDisconnected();
    session.handleDisconnected();
    expect(events(session)).toEqual([{ type: "lost", ids }]);
    const late = session.request("A/B", NO_BODY);
    expect(events(session)).toEqual([{ type: "lost", ids: [late] }]);
    session.handleConnected(START_MS, "token");
    expect(frames(session).map(({ body }) => body.case)).toEqual(["hello"]);
  });

  it("never share an id while open, even when the numbers begin again", () => {
    const session = ready();
    const ids = new Set(Array.from({ length: 1_000 }, () => session.request("A/B", NO_BODY)));
    expect(ids.size).toBe(1_000);
    expect(Math.min(...ids)).toBeGreaterThan(0);
  });
});

describe("being alive", () => {
  it("pings when nothing else was sent for a heartbeat", () => {
    const session = ready();
    session.request("A/B", NO_BODY);
    frames(session, START_MS + 300);
    session.handleAlive(START_MS + 1_200);
    expect(session.pollTimeout()).toBe(START_MS + 1_300);
    session.handleTimeout(START_MS + 1_300);
    expect(frames(session, START_MS + 1_300).map(({ body }) => body.case)).toEqual(["ping"]);
    expect(session.pollTimeout()).toBe(START_MS + 2_300);
  });

  it("asks for a longer heartbeat after three silences, and goes back when a link dies in one", () => {
    const session = ready();
    let now = START_MS;
    const silence = (ms: number) => {
      now += ms;
      session.handleTimeout(now);
      expect(frames(session, now).map(({ body }) => body.case)).toEqual(["ping"]);
    };
    const pong = (heartbeatMs = 0) => session.handleFrame(now, frame({ case: "pong", value: { heartbeatMs } }));
    for (let count = 0; count < 3; count += 1) {
      silence(1_000);
      pong();
    }
    expect(frames(session, now)[0]?.body).toMatchObject({ case: "ping", value: { heartbeatMs: 1_500 } });
    pong(1_500);
    silence(1_500);
    session.handleTimeout(now + 3_000);
    expect(session.pollTimeout()).toBeUndefined();
    session.handleConnected(now, "token");
    expect(frames(session, now)[0]?.body).toMatchObject({ case: "hello", value: { heartbeatMs: 0 } });
  });

  it("does not ask again when the server allows less", () => {
    const session = ready();
    let now = START_MS;
    let wishes = 0;
    for (let count = 0; count < 12; count += 1) {
      now += 1_000;
      session.handleTimeout(now);
      for (const sent of [...frames(session, now)]) {
        const wish = sent.body.case === "ping" ? sent.body.value.heartbeatMs : 0;
        if (wish > 0) wishes += 1;
        session.handleFrame(now, frame({ case: "pong", value: { heartbeatMs: Math.min(wish, 1_000) } }));
      }
      for (const sent of [...frames(session, now)]) {
        if (sent.body.case !== "ping") continue;
        wishes += 1;
        session.handleFrame(now, frame({ case: "pong", value: { heartbeatMs: 1_000 } }));
      }
    }
    expect(wishes).toBe(1);
  });

  it("answers a ping", () => {
    const session = ready();
    session.handleFrame(START_MS, frame({ case: "ping", value: { timeMs: 42n } }));
    expect(frames(session)[0]?.body).toMatchObject({ case: "pong", value: { timeMs: 42n } });
  });

  it("gives up a server that is silent for two heartbeats", () => {
    const session = ready();
    const id = session.request("A/B", NO_BODY);
    session.handleTimeout(START_MS + 1_999);
    expect(session.ready).toBe(true);
    session.handleTimeout(START_MS + 2_000);
    expect(session.pollTimeout()).toBeUndefined();
    expect(events(session)).toEqual([{ type: "lost", ids: [id] }]);
  });

  it("survives a clock that is set back", () => {
    const session = ready();
    session.handleFrame(START_MS, push(1));
    session.handleTimeout(START_MS - 500_000);
    // Everything is due within what is left of the former times, never later than a heartbeat from now.
    expect((session.pollTimeout() ?? Number.POSITIVE_INFINITY) - (START_MS - 500_000)).toBeLessThanOrEqual(1_000);
  });
});

describe("what the server must not do", () => {
  it.each([
    ["a hello", frame({ case: "hello", value: {} })],
    ["a request", frame({ case: "request", value: { id: 1 } })],
    ["a second welcome", welcome()],
  ])("ends the connection: %s", (_name, wrong) => {
    expect(ready().handleFrame(START_MS, wrong)).toBe(false);
  });

  it.each([
    ["a push", push(1)],
    ["a response", frame({ case: "response", value: { id: 1 } })],
    ["a ping", frame({ case: "ping", value: {} })],
  ])("ends the connection before the welcome: %s", (_name, wrong) => {
    const session = new Session("test");
    session.handleConnected(START_MS, "token");
    expect(session.handleFrame(START_MS, wrong)).toBe(false);
  });

  it("does not harm with frames of a newer schema", () => {
    expect(ready().handleFrame(START_MS, frame({ case: undefined }))).toBe(true);
  });
});

describe("the end", () => {
  it("is told with its code, also before the welcome; no code is an internal error", () => {
    const session = new Session("test");
    session.handleConnected(START_MS, "token");
    session.handleFrame(START_MS, frame({ case: "close", value: { code: 4101, text: "too old" } }));
    session.handleFrame(START_MS, frame({ case: "close", value: {} }));
    expect(events(session)).toEqual([
      { type: "closed", code: 4101, text: "too old" },
      { type: "closed", code: 4003, text: "" },
    ]);
  });

  it("is announced", () => {
    const session = ready();
    session.handleFrame(START_MS, frame({ case: "goAway", value: { afterMs: 500 } }));
    expect(events(session)).toMatchObject([{ type: "goAway", goAway: { afterMs: 500 } }]);
  });
});

/** Both ends under a virtual clock; the connection is cut after so many frames, again and again. */
class Pair {
  readonly session = new Session("test");
  readonly server: ServerEnd;
  readonly seen: number[] = [];
  /** A welcome that did not resume, or a push that said lagging: a pull finds everything up to then. */
  pulledTo = 0;
  #now = START_MS;
  #connected = false;
  #budget: number;
  #latest = 0;
  readonly open = new Set<number>();

  constructor(
    private readonly cuts: number[],
    private readonly forget: boolean,
    keep: number,
  ) {
    this.server = new ServerEnd(keep);
    this.#budget = this.cuts.shift() ?? Number.POSITIVE_INFINITY;
  }

  connect(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.session.handleConnecting(this.#now);
    this.session.handleConnected(this.#now, "token");
    this.settle();
  }

  announce(): void {
    this.#latest += 1;
    this.server.announce(this.#latest);
    this.settle();
  }

  request(): void {
    this.open.add(this.session.request("A/B", NO_BODY));
    this.settle();
  }

  advance(byMs: number): void {
    const end = this.#now + byMs;
    for (let due = this.session.pollTimeout(); due !== undefined && due <= end; due = this.session.pollTimeout()) {
      this.#now = Math.max(this.#now, due);
      this.session.handleTimeout(this.#now);
      this.settle();
    }
    this.#now = end;
  }

  settle(): void {
    while (this.#connected) {
      const next = this.session.pollFrame(this.#now);
      if (next !== undefined) {
        if (this.#spent()) break;
        if (!this.server.take(next)) throw new Error(`the client sent ${next.body.case}`);
        continue;
      }
      const answer = this.server.give();
      if (answer === undefined || this.#spent()) break;
      if (!this.session.handleFrame(this.#now, answer)) throw new Error(`the server sent ${answer.body.case}`);
    }
    for (const event of events(this.session)) this.#observe(event);
  }

  /** The next frame is lost with the connection. */
  #spent(): boolean {
    this.#budget -= 1;
    if (this.#budget >= 0) return false;
    this.#budget = this.cuts.shift() ?? Number.POSITIVE_INFINITY;
    this.#connected = false;
    this.server.cut(this.forget);
    this.session.handleDisconnected();
    return true;
  }

  #observe(event: SessionEvent): void {
    if (event.type === "ready" && !event.welcome.resumed) this.pulledTo = this.#latest;
    if (event.type === "push") {
      if (event.lagging) this.pulledTo = this.#latest;
      this.seen.push(...numbersOf(event.events));
    }
    if (event.type === "response" && !this.open.delete(event.id)) throw new Error("an answer to nothing");
    if (event.type === "lost") for (const id of event.ids) this.open.delete(id);
  }

  /** Everything that happened was pushed once and in order, or a pull was asked for after it. */
  check(): void {
    expect(this.seen).toEqual([...new Set(this.seen)].sort((a, b) => a - b));
    const seen = new Set(this.seen);
    const missing = Array.from({ length: this.#latest }, (_, at) => at + 1).filter((number) => !seen.has(number));
    expect(missing.filter((number) => number > this.pulledTo)).toEqual([]);
    expect([...this.open]).toEqual([]);
  }
}

function play(cuts: number[], forget: boolean, keep: number, steps: readonly number[]): void {
  const pair = new Pair([...cuts], forget, keep);
  pair.connect();
  for (const step of steps) {
    if (step % 4 === 0) pair.request();
    else if (step % 4 === 1) pair.advance(step * 3);
    else pair.announce();
    if (step % 5 === 0) pair.connect();
  }
  for (let tries = 0; tries < cuts.length + 2; tries += 1) {
    pair.connect();
    pair.advance(10_000);
  }
  pair.check();
}

describe("every push is taken once and in order, or a pull is asked for", () => {
  const script = Array.from({ length: 40 }, (_, at) => at);
  it.each([
    [false, 1_000],
    [true, 1_000],
    [false, 3],
  ])("with a cut at every point (forgetting: %s, keeping %d)", (forget, keep) => {
    for (let first = 0; first < 60; first += 1) {
      play([first], forget, keep, script);
      for (const second of [0, 1, 2, 3, 5, 8, 13]) play([first, second], forget, keep, script);
    }
  });

  it("with any cuts and steps", () => {
    const steps = fc.array(fc.nat(50), { maxLength: 60 });
    const cuts = fc.array(fc.nat(25), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, fc.boolean(), fc.integer({ min: 1, max: 30 }), steps, (...args) => play(...args)),
      { numRuns: 300 },
    );
  });
});
