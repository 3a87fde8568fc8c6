/** What is known of a server's WebTransport. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BLOCKED_MS, Offers } from "./offers.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const HASH = btoa("h".repeat(32));

function bench() {
  const kept = new Map<string, string>();
  const state = { address: "http://a:80", answer: {} as object | undefined, asked: 0 };
  const options = {
    address: () => state.address,
    fetch: (async () => {
      state.asked += 1;
      if (state.answer === undefined) throw new Error("away");
      return Response.json({ validityS: 300, ...state.answer });
    }) as typeof fetch,
    memory: {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    },
    name: "test",
  };
  return { state, kept, make: () => new Offers(options) };
}

const offered = (port: number, ...certificateHashes: string[]) => ({ webTransport: { port, certificateHashes } });

it("is what the server says of itself, for its host, and outlives the page", async () => {
  const { state, make } = bench();
  const offers = make();
  expect(offers.current).toBeUndefined();
  state.answer = offered(7702, HASH);
  await offers.look();
  const expected = { url: "https://a:7702/v1/webtransport", hashes: [new TextEncoder().encode("h".repeat(32))] };
  expect(offers.current).toEqual(expected);
  expect(make().current).toEqual(expected);
  await offers.look();
  expect(state.asked).toBe(1);
  state.address = "http://b:80";
  expect(offers.current).toBeUndefined();
  state.answer = undefined;
  await offers.look();
  expect(offers.current).toBeUndefined();
});

it("is put aside where it does not work, unless the server has another one", async () => {
  const { state, make } = bench();
  const offers = make();
  state.answer = offered(7702, HASH);
  await offers.look();
  offers.failed();
  expect(offers.current).toBeUndefined();
  await offers.look();
  expect(offers.current).toBeUndefined();
  await vi.advanceTimersByTimeAsync(BLOCKED_MS);
  expect(offers.current).toBeDefined();
  offers.failed();
  state.answer = offered(7702, btoa("i".repeat(32)));
  await offers.look();
  expect(offers.current).toBeDefined();
  offers.failed();
  state.answer = {};
  await offers.look();
  expect(make().current).toBeUndefined();
});

it("takes nothing from a storage that holds something else", () => {
  const { kept, make } = bench();
  for (const value of ["", "null", "7", "{}", '{"address":"http://a:80","port":"x","hashes":[],"timeMs":0}']) {
    kept.set("skein.webtransport.test", value);
    expect(make().current).toBeUndefined();
  }
});
