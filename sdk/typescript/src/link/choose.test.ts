/** Finding the server, with servers that answer, fail or are silent. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Chooser, race, STAGGER_MS } from "./choose.js";
import { Gateways } from "./gateways.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const GATEWAYS = {
  gateways: [{ address: "https://b" }, { address: "tcp://b:1" }, { address: "https://c", loadPermille: 7 }],
  fallback: ["https://last"],
  validityS: 60,
  newer: true,
};

/** What each address says; nothing: silence. */
function world(answers: Record<string, () => Response>) {
  const asked: string[] = [];
  const doFetch = (async (input: URL) => {
    asked.push(input.href);
    const answer = answers[input.origin];
    return answer === undefined ? new Promise<Response>(() => {}) : answer();
  }) as unknown as typeof fetch;
  return { asked, fetch: doFetch };
}

const ok = () => new Response("ready");
const broken = () => new Response("no", { status: 503 });
const dispatch = () => Response.json(GATEWAYS);

function memory() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
}

describe("a race", () => {
  it("is won by the first that answers; a failure does not hold up the next", async () => {
    const order: string[] = [];
    const run = async (address: string) => {
      order.push(address);
      if (address === "bad") throw new Error("no");
      return address === "silent" ? new Promise<undefined>(() => {}) : address;
    };
    expect(await race(["bad", "good"], run)).toBe("good");
    const slow = race(["silent", "good"], run);
    await vi.advanceTimersByTimeAsync(STAGGER_MS - 1);
    expect(order).toEqual(["bad", "good", "silent"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await slow).toBe("good");
    expect(await race(["bad", "bad"], run)).toBeUndefined();
    expect(await race([], run)).toBeUndefined();
  });
});

describe("choosing", () => {
  it("asks where to connect, and takes what answers first", async () => {
    const gateways = new Gateways(["https://a"]);
    const { asked, fetch } = world({ "https://d": dispatch, "https://b": broken, "https://c": ok, "https://a": ok });
    const chooser = new Chooser({ gateways, dispatch: ["https://d"], region: "eu", fetch, name: "test" });
    await chooser.prepare(false);
    expect(asked[0]).toBe("https://d/v1/gateways?region=eu");
    expect(gateways.current).toBe("https://c");
    expect(gateways.order(Date.now())).toEqual(["https://b", "https://c", "https://a", "https://last"]);
    gateways.works();
    await chooser.prepare(true);
    expect(asked.filter((url) => url.includes("gateways"))).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(60_000);
    await chooser.prepare(true);
    expect(asked.filter((url) => url.includes("gateways"))).toHaveLength(2);
  });

  it("goes on without it when nobody answers", async () => {
    const gateways = new Gateways(["https://a"]);
    const { fetch } = world({ "https://d": broken });
    await new Chooser({ gateways, dispatch: ["https://d"], fetch, name: "test" }).prepare(false);
    expect(gateways.current).toBe("https://a");
  });

  it("remembers what worked, for a day", async () => {
    const kept = memory();
    const options = { dispatch: [], ...world({}), memory: kept, name: "test" };
    const gateways = new Gateways(["https://a", "https://b"]);
    gateways.use("https://b");
    new Chooser({ ...options, gateways }).works();
    const next = new Gateways(["https://a", "https://b"]);
    const chooser = new Chooser({ ...options, gateways: next });
    await chooser.prepare(false);
    expect(next.current).toBe("https://b");
    vi.setSystemTime(Date.now() + 25 * 3_600_000);
    const late = new Gateways(["https://a", "https://b"]);
    new Chooser({ ...options, gateways: late });
    expect(late.current).toBe("https://a");
  });

  it.each(["{", '{"address":7,"timeMs":1}', '{"address":"http://evil","timeMs":1e99}'])(
    "is not led astray by %s",
    (text) => {
      const gateways = new Gateways(["https://a"]);
      new Chooser({ gateways, dispatch: [], ...world({}), memory: { ...memory(), getItem: () => text }, name: "x" });
      expect(gateways.current).toBe("https://a");
    },
  );
});
