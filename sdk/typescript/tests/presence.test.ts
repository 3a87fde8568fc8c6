/** Presence through a real server: who is there, what they chose, over every way of being connected, and after the server was away. */

import { afterAll, beforeAll, expect, it } from "vitest";
import WebSocket from "ws";
import type { ClientOptions } from "../src/index.js";
import { join, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start({ SKEIN__ACCESS__PRESENCE_GRACE_MS: "500" });
});
afterAll(() => server.stop());

/** A fetch for which streams never answer with a page. */
const noStreams: typeof fetch = async (input, init) => {
  const url = String(input instanceof Request ? input.url : input);
  return url.includes("/v1/events") ? new Response("no", { status: 502 }) : fetch(input, init);
};
/** A WebSocket that a proxy breaks. */
const broken = class {
  onerror: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readyState = 0;

  constructor() {
    queueMicrotask(() => {
      this.onerror?.();
      this.onclose?.({ code: 1006, reason: "" });
    });
  }

  close(): void {}
} as unknown as NonNullable<ClientOptions["webSocket"]>;
const TRANSPORTS: readonly (readonly [string, Partial<ClientOptions>])[] = [
  ["websocket", { webSocket: WebSocket as unknown as NonNullable<ClientOptions["webSocket"]> }],
  ["stream", { webSocket: broken }],
  ["poll", { webSocket: broken, fetch: noStreams }],
];

it.each(TRANSPORTS)("shows who is there over %s", async (_name, options) => {
  const [ann, bob] = await Promise.all([join(server.address, "ann", options), join(server.address, "bob")]);
  const bobIs = ann.client.presence.of(bob.userId);
  const stop = bobIs.subscribe(() => {});
  await until(bobIs, (presence) => presence?.state === "online", "bob is there");
  expect(bobIs.current?.platforms).toEqual(["web"]);
  await bob.client.presence.choose("busy", "at lunch");
  await until(bobIs, (presence) => presence?.state === "busy" && presence.text === "at lunch", "bob is busy");
  await bob.client.presence.choose("invisible");
  await until(bobIs, (presence) => presence?.state === "offline", "bob is not to be seen");
  await bob.client.presence.choose("online");
  await until(bobIs, (presence) => presence?.state === "online", "bob is to be seen again");
  await bob.client.close();
  await until(bobIs, (presence) => presence?.state === "offline" && presence.lastSeenMs > 0, "bob is gone");
  stop();
});

it("watches again after the server was away", async () => {
  const [ann, bob] = await Promise.all([join(server.address, "cid"), join(server.address, "dan")]);
  const danIs = ann.client.presence.of(bob.userId);
  danIs.subscribe(() => {});
  await until(danIs, (presence) => presence?.state === "online", "dan is there");
  await server.kill();
  await server.restart();
  await until(ann.client.status, ({ state }) => state === "online", "cid is back");
  await until(bob.client.status, ({ state }) => state === "online", "dan is back");
  await bob.client.presence.choose("away");
  await until(danIs, (presence) => presence?.state === "away", "what changes is told to the new session");
});

it("says how long one was here", async () => {
  const eve = await join(server.address, "eve");
  // A node says every ten seconds who is there; what it said last is certain.
  const deadline = Date.now() + 30_000;
  let days = await eve.client.presence.onlineTime();
  while ((days[0]?.onlineMs ?? 0) === 0) {
    expect(Date.now(), "nothing is counted").toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 200));
    days = await eve.client.presence.onlineTime();
  }
  const today = Math.floor(Date.now() / 86_400_000);
  // The night may pass in between.
  expect([today - 1, today]).toContain(days[0]?.day);
  expect(days[0]?.lastSeenMs).toBeGreaterThan(days[0]?.firstSeenMs ?? Number.POSITIVE_INFINITY);
  expect(await eve.client.presence.onlineTime(today + 2, today + 3)).toEqual([]);
  await expect(eve.client.presence.onlineTime(0, 366)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
}, 45_000);
