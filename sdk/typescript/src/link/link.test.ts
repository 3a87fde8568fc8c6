/** When a link reconnects, with what, over what, and that nothing is left when it stops. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Bench, settle, type Try } from "../../tests/bench.js";
import { frame, push } from "../../tests/frames.js";
import { SkeinError } from "../error.js";
import { CloseCode } from "../gen/skein/v1/link_pb.js";
import { backoffMs } from "./backoff.js";
import { afterClose, closeReason } from "./close_code.js";
import { PROOF_TIMEOUT_MS, WELCOME_TIMEOUT_MS } from "./session.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("what a close code asks for", () => {
  it("is said by its range, also for codes that are not known here", () => {
    expect([4000, 4099, 4300, 1006, 0].map(afterClose)).toEqual(Array(5).fill("resume"));
    expect([4100, 4199].map(afterClose)).toEqual(["afresh", "afresh"]);
    expect([4200, 4299].map(afterClose)).toEqual(["stay", "stay"]);
    expect([4201, 4204, 4299].map(closeReason)).toEqual(["TOKEN_REVOKED", "KICKED", "BYE"]);
  });

  it.each([CloseCode.SHUTDOWN, CloseCode.SLOW_CONSUMER, 4050])("%d: the session is resumed", async (closeCode) => {
    const bench = new Bench();
    const first = await bench.up();
    first.events.frame(push(1));
    first.events.ended({ closeCode, text: "" });
    const second = await bench.next();
    second.events.opened();
    expect(second.hello?.resume).toMatchObject({ sessionId: Uint8Array.of(1), receivedLinkSeq: 1n });
    bench.link.stop();
  });

  it.each([CloseCode.HELLO_TIMEOUT, CloseCode.OVERLOADED, CloseCode.SUPERSEDED, 4150])(
    "%d: a new session is begun",
    async (closeCode) => {
      const bench = new Bench();
      (await bench.up()).events.ended({ closeCode, text: "" });
      const second = await bench.next();
      second.events.opened();
      expect(second.hello).toBeDefined();
      expect(second.hello?.resume).toBeUndefined();
      bench.link.stop();
    },
  );

  it.each([CloseCode.KICKED, CloseCode.TOKEN_REVOKED, CloseCode.ACCOUNT_SUSPENDED, CloseCode.PROTOCOL_ERROR, 4299])(
    "%d: it stays closed",
    async (closeCode) => {
      const bench = new Bench();
      const only = await bench.up();
      only.events.frame(frame({ case: "close", value: { code: closeCode, text: "enough" } }));
      only.events.ended({ text: "" });
      expect(bench.said.at(-1)).toBe(`closed ${closeReason(closeCode)} enough`);
      bench.link.connect();
      bench.link.reconnect();
      await vi.advanceTimersByTimeAsync(120_000);
      expect(bench.tries).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    },
  );
});

describe("tokens", () => {
  it("an expired one is rejected to the provider", async () => {
    const bench = new Bench();
    (await bench.up()).events.ended({ closeCode: CloseCode.TOKEN_EXPIRED, text: "" });
    const second = await bench.next();
    second.welcome();
    expect(second.hello).toMatchObject({ token: "token 2" });
    expect(second.hello?.resume).toBeUndefined();
    second.events.ended({ text: "" });
    await bench.next();
    expect(bench.rejected).toEqual([undefined, "token 1", undefined]);
    bench.link.stop();
  });

  it("a bad one is replaced once; a second bad one ends it", async () => {
    const bench = new Bench();
    bench.link.connect();
    await settle();
    bench.last.events.opened();
    bench.last.events.ended({ closeCode: CloseCode.BAD_TOKEN, text: "" });
    const second = await bench.next();
    expect(bench.rejected).toEqual([undefined, "token 1"]);
    second.events.opened();
    second.events.ended({ closeCode: CloseCode.BAD_TOKEN, text: "no" });
    expect(bench.said.at(-1)).toBe("closed BAD_TOKEN no");
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [SkeinError.offline(), "waiting 1"],
    [new Error("a provider of the application's own"), "waiting 1"],
    [new SkeinError("TOKEN_REVOKED", "gone"), "closed TOKEN_REVOKED gone"],
    [new SkeinError("ACCOUNT_SUSPENDED", "gone"), "closed ACCOUNT_SUSPENDED gone"],
  ])("when there is none: %s", async (error, said) => {
    const bench = new Bench();
    bench.tokens = () => Promise.reject(error);
    bench.link.connect();
    await settle();
    expect(bench.said.at(-1)).toBe(said);
    bench.link.stop();
  });

  it("is renewed before it expires, again and again", async () => {
    const bench = new Bench();
    const renewed: string[] = [];
    bench.renew = async (token) => {
      renewed.push(token);
      return 600_000;
    };
    const only = await bench.up({ lifeMs: 300_000 });
    const alive = setInterval(() => only.events.alive(), 10_000);
    await vi.advanceTimersByTimeAsync(239_000);
    expect(renewed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(renewed).toEqual(["token 2"]);
    expect(bench.rejected).toEqual([undefined, "token 1"]);
    await vi.advanceTimersByTimeAsync(540_000);
    expect(renewed).toEqual(["token 2", "token 3"]);
    clearInterval(alive);
    bench.link.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("of a short life is renewed at half of it, and again when that failed, not in a rush", async () => {
    const bench = new Bench();
    let renewals = 0;
    bench.renew = () => {
      renewals += 1;
      return Promise.reject(SkeinError.offline());
    };
    await bench.up({ lifeMs: 16_000 });
    await vi.advanceTimersByTimeAsync(7_900);
    expect(renewals).toBe(0);
    await vi.advanceTimersByTimeAsync(8_100);
    expect(renewals).toBeGreaterThan(1);
    expect(renewals).toBeLessThan(8);
    bench.link.stop();
  });
});

describe("waiting between tries", () => {
  it("doubles within bounds, with jitter", () => {
    for (let attempt = 1; attempt < 30; attempt += 1) {
      const step = Math.min(15_000, 250 * 2 ** (attempt - 1));
      expect(backoffMs(attempt, 0)).toBe(step / 2);
      expect(backoffMs(attempt, 0.999_999)).toBeLessThanOrEqual(step);
      expect(backoffMs(attempt, 0.999_999)).toBeGreaterThan(step * 0.99);
    }
  });

  it("grows while nothing works, and is short again after it worked for a while", async () => {
    const bench = new Bench();
    bench.reachable = false;
    bench.link.connect();
    await settle();
    for (let tries = 0; tries < 5; tries += 1) {
      bench.last.events.ended({ text: "refused" });
      await bench.next();
    }
    expect(bench.said.filter((said) => said.startsWith("waiting"))).toEqual([1, 2, 3, 4, 5].map((n) => `waiting ${n}`));
    bench.last.welcome();
    await vi.advanceTimersByTimeAsync(11_000);
    bench.last.events.ended({ text: "lost" });
    expect(bench.said.at(-1)).toBe("waiting 0");
    await vi.advanceTimersByTimeAsync(250);
    expect(bench.said.at(-1)).toBe("connecting 1");
    bench.link.stop();
  });

  it("grows also when every connection is lost right after its welcome", async () => {
    const bench = new Bench();
    bench.link.connect();
    await settle();
    for (let tries = 1; tries <= 4; tries += 1) {
      bench.last.welcome();
      bench.last.events.ended({ text: "lost" });
      expect(bench.said.at(-1)).toBe(`waiting ${tries}`);
      await bench.next();
    }
    bench.link.stop();
  });

  it("is cut short by connect, which never makes a second connection", async () => {
    const bench = new Bench();
    (await bench.up()).events.ended({ text: "lost" });
    bench.link.connect();
    bench.link.connect();
    await vi.advanceTimersByTimeAsync(1_000);
    bench.link.connect();
    expect(bench.tries).toHaveLength(2);
    bench.link.stop();
  });
});

describe("which transport", () => {
  it("goes down while HTTP works, and begins again from the top", async () => {
    const bench = new Bench();
    bench.link.connect();
    await settle();
    for (let tries = 0; tries < 4; tries += 1) {
      bench.last.events.ended({ text: "broken" });
      await bench.next();
    }
    expect(bench.tries.map(({ transport }) => transport)).toEqual([
      "websocket",
      "stream",
      "poll",
      "websocket",
      "stream",
    ]);
    bench.link.stop();
  });

  it("stays with the best one while nothing is reachable", async () => {
    const bench = new Bench();
    bench.reachable = false;
    bench.link.connect();
    await settle();
    for (let tries = 0; tries < 4; tries += 1) {
      bench.last.events.ended({ text: "refused" });
      await bench.next();
    }
    expect(new Set(bench.tries.map(({ transport }) => transport))).toEqual(new Set(["websocket"]));
    bench.link.stop();
  });

  it("goes down when a connection opens and is never welcomed, or never opens", async () => {
    const bench = new Bench();
    bench.link.connect();
    await settle();
    await vi.advanceTimersByTimeAsync(WELCOME_TIMEOUT_MS + 10);
    expect(bench.last.transport).toBe("stream");
    bench.last.events.opened();
    await vi.advanceTimersByTimeAsync(WELCOME_TIMEOUT_MS + 10);
    expect(bench.last.transport).toBe("poll");
    expect(bench.tries.slice(0, 2).every(({ closed }) => closed)).toBe(true);
    bench.link.stop();
  });

  it("does not leave one that has worked because the server was away for a moment", async () => {
    const bench = new Bench();
    (await bench.up()).events.ended({ text: "lost" });
    (await bench.next()).events.ended({ text: "refused" });
    expect((await bench.next()).transport).toBe("websocket");
    bench.last.events.ended({ text: "refused" });
    expect((await bench.next()).transport).toBe("websocket");
    bench.last.events.ended({ text: "refused" });
    expect((await bench.next()).transport).toBe("stream");
    bench.link.stop();
  });

  async function onStream(bench: Bench): Promise<Try> {
    bench.link.connect();
    await settle();
    bench.last.events.ended({ text: "broken" });
    await bench.next();
    bench.last.welcome();
    const serving = bench.last;
    expect(bench.said.at(-1)).toBe("ready stream");
    return serving;
  }

  it("goes up again when a hello over the best one is welcomed, and only then", async () => {
    const bench = new Bench();
    const serving = await onStream(bench);
    const alive = setInterval(() => serving.events.alive(), 5_000);
    await vi.advanceTimersByTimeAsync(30_000);
    const probe = bench.last;
    expect([probe.transport, probe.closed, serving.closed]).toEqual(["websocket", false, false]);
    probe.events.opened();
    await settle();
    expect(serving.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(WELCOME_TIMEOUT_MS);
    expect(probe.closed).toBe(true);
    // Less often than before.
    await vi.advanceTimersByTimeAsync(59_000);
    expect(bench.last).toBe(probe);
    await vi.advanceTimersByTimeAsync(1_000);
    bench.last.welcome({ session: 7 });
    clearInterval(alive);
    await settle();
    expect(serving.closed).toBe(true);
    expect(bench.last.transport).toBe("websocket");
    bench.last.welcome({ resumed: true });
    expect(bench.last.hello?.resume?.sessionId).toEqual(Uint8Array.of(1));
    expect(bench.said.at(-1)).toBe("ready websocket");
    bench.link.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("drops the probe with everything else", async () => {
    const bench = new Bench();
    await onStream(bench);
    await vi.advanceTimersByTimeAsync(30_000);
    bench.link.stop();
    expect(bench.last.closed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("leaving and doubting", () => {
  it("goes within the time that the server allows, and resumes", async () => {
    const bench = new Bench();
    const first = await bench.up();
    first.events.frame(frame({ case: "goAway", value: { afterMs: 400 } }));
    await vi.advanceTimersByTimeAsync(400);
    expect(first.closed).toBe(true);
    bench.last.events.opened();
    expect(bench.last.hello?.resume?.sessionId).toEqual(Uint8Array.of(1));
    bench.link.stop();
  });

  it("is told where to go, and goes elsewhere than to a server that is going away", async () => {
    const bench = new Bench();
    const first = await bench.up();
    first.events.frame(frame({ case: "goAway", value: { afterMs: 400, gateways: ["https://b"] } }));
    expect(bench.gateways).toEqual(["works"]);
    await vi.advanceTimersByTimeAsync(400);
    expect(bench.gateways).toEqual(["works", "leave https://b"]);
    bench.last.welcome();
    bench.last.events.ended({ closeCode: CloseCode.SHUTDOWN, text: "" });
    expect(bench.gateways.slice(2)).toEqual(["works", "failed"]);
    (await bench.next()).welcome();
    bench.last.events.frame(frame({ case: "goAway", value: { afterMs: 60_000, gateways: ["https://c"] } }));
    bench.last.events.ended({ closeCode: CloseCode.SHUTDOWN, text: "" });
    expect(bench.gateways.slice(4)).toEqual(["works", "leave https://c"]);
    bench.link.stop();
  });

  it("does not leave the next connection because of what the one before was told", async () => {
    const bench = new Bench();
    const first = await bench.up();
    first.events.frame(frame({ case: "goAway", value: { afterMs: 60_000 } }));
    first.events.ended({ text: "lost" });
    const second = await bench.next();
    second.welcome();
    const alive = setInterval(() => second.events.alive(), 5_000);
    await vi.advanceTimersByTimeAsync(60_000);
    clearInterval(alive);
    expect(bench.tries).toHaveLength(2);
    bench.link.stop();
  });

  it("asks for a sign of life when asked to check, and gives up soon without one", async () => {
    const bench = new Bench();
    const first = await bench.up();
    bench.link.check();
    expect(first.sent.at(-1)?.body.case).toBe("ping");
    first.events.frame(frame({ case: "pong", value: {} }));
    await vi.advanceTimersByTimeAsync(PROOF_TIMEOUT_MS);
    expect(first.closed).toBe(false);
    bench.link.check();
    bench.link.check();
    await vi.advanceTimersByTimeAsync(PROOF_TIMEOUT_MS + 300);
    expect(first.closed).toBe(true);
    expect(bench.tries).toHaveLength(2);
    bench.link.stop();
  });

  it("hears nothing of a connection that was replaced", async () => {
    const bench = new Bench();
    const first = await bench.up();
    bench.link.reconnect();
    await settle();
    bench.last.welcome({ session: 2 });
    first.events.frame(push(1));
    first.events.ended({ closeCode: CloseCode.KICKED, text: "" });
    expect(bench.pushed).toEqual([]);
    expect(bench.said.at(-1)).toBe("ready websocket");
    bench.link.stop();
  });
});

describe("requests", () => {
  it("are answered, refused, or lost with the connection", async () => {
    const bench = new Bench();
    const first = await bench.up();
    const [good, lost] = [bench.link.request("A/B", Uint8Array.of(1)), bench.link.request("A/B", Uint8Array.of(2))];
    first.events.frame(frame({ case: "response", value: { id: 1, body: Uint8Array.of(9) } }));
    await expect(good).resolves.toEqual(Uint8Array.of(9));
    first.events.ended({ text: "lost" });
    await expect(lost).rejects.toMatchObject({ code: "OFFLINE", retryable: true });
    await expect(bench.link.request("A/B", Uint8Array.of(3))).rejects.toMatchObject({ code: "OFFLINE" });
    bench.link.stop();
  });
});

describe("stop leaves nothing", () => {
  const states: [string, (bench: Bench) => Promise<unknown>][] = [
    ["before it began", async () => {}],
    ["while the token is asked for", async (bench) => bench.link.connect()],
    [
      "while it connects",
      async (bench) => {
        bench.link.connect();
        await settle();
      },
    ],
    [
      "before the welcome",
      async (bench) => {
        bench.link.connect();
        await settle();
        bench.last.events.opened();
      },
    ],
    ["while it works", (bench) => bench.up({ lifeMs: 300_000 })],
    [
      "with a push to ack and a farewell",
      async (bench) => {
        const one = await bench.up();
        one.events.frame(push(1));
        one.events.frame(frame({ case: "goAway", value: { afterMs: 10_000 } }));
      },
    ],
    [
      "while it waits",
      async (bench) => {
        (await bench.up()).events.ended({ text: "lost" });
      },
    ],
    [
      "while it asks whether the server is reachable",
      async (bench) => {
        bench.link.connect();
        await settle();
        bench.last.events.ended({ text: "broken" });
      },
    ],
    [
      "while it renews",
      async (bench) => {
        bench.renew = () => new Promise(() => {});
        await bench.up({ lifeMs: 2_000 });
        await vi.advanceTimersByTimeAsync(1_500);
      },
    ],
  ];
  it.each(states)("%s", async (_name, reach) => {
    const bench = new Bench();
    await reach(bench);
    const open = bench.link.carriesRequests ? bench.link.request("A/B", Uint8Array.of(1)) : undefined;
    bench.link.stop();
    const tries = bench.tries.length;
    if (open !== undefined) await expect(open).rejects.toMatchObject({ code: "CLOSED" });
    await settle();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(bench.tries.length).toBe(tries);
    expect(bench.tries.every(({ closed }) => closed || !bench.said.includes("ready websocket"))).toBe(true);
    bench.link.connect();
    await settle();
    expect(bench.tries.length).toBe(tries);
  });
});
