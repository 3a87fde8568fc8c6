/** Live rooms through a real server: over every transport, and over a restart of it. */

import { afterAll, beforeAll, expect, it } from "vitest";
import type { ClientOptions, Room } from "../src/index.js";
import { join, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** All texts of a room from now on. */
function texts(room: Room): string[] {
  const heard: string[] = [];
  room.on("messages", (messages) => heard.push(...messages.map(({ text }) => text)));
  return heard;
}

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

/** A fetch for which streams never answer with a page. */
const noStreams: typeof fetch = async (input, init) => {
  const url = String(input instanceof Request ? input.url : input);
  return url.includes("/v1/events") ? new Response("no", { status: 502 }) : fetch(input, init);
};
const TRANSPORTS: readonly (readonly [string, Partial<ClientOptions>])[] = [
  ["websocket", {}],
  ["stream", { webSocket: broken }],
  ["poll", { webSocket: broken, fetch: noStreams }],
];

it.each(TRANSPORTS)("carries a room over %s", async (name, options) => {
  const ann = await join(server.address, "ann");
  const bob = await join(server.address, "bob", options);
  const [here, there] = [ann.client.room(`by-${name}`), bob.client.room(`by-${name}`)];
  const heard = texts(there);
  await here.join();
  expect(await here.send("before")).toBe(true);
  await there.join(10);
  expect(heard).toEqual(["before"]);
  await until(here.online, (online) => online === 2, "both are there");
  for (let number = 0; number < 10; number += 1) await here.send({ kind: "line", text: String(number) });
  await there.count("likes", 3);
  await until(here.counters, ({ likes }) => likes === 3, "likes");
  await there.send("and back");
  await expect.poll(() => heard.length, { timeout: 15_000 }).toBe(12);
  expect(heard).toEqual(["before", ...Array.from({ length: 10 }, (_, number) => String(number)), "and back"]);
  expect(there.lost.current).toBe(0);
  await there.leave();
  await until(here.online, (online) => online === 1, "one is left");
  await expect(there.send("outside")).rejects.toMatchObject({ code: expect.stringMatching(/NOT_IN_ROOM|OFFLINE/) });
  await Promise.all([ann.client.close(), bob.client.close()]);
});

it("joins again by itself after the server was gone", async () => {
  const ann = await join(server.address, "ann");
  const room = ann.client.room("again");
  const heard = texts(room);
  await room.join();
  await room.send("one");
  await expect.poll(() => heard, { timeout: 15_000 }).toEqual(["one"]);
  await server.restart();
  await until(room.state, (state) => state === "joined" || state === "away");
  await expect.poll(async () => room.send("two").catch(() => false), { timeout: 30_000 }).toBe(true);
  await expect.poll(() => heard, { timeout: 15_000 }).toContain("two");
  expect(ann.client.room("again")).toBe(room);
  await ann.client.close();
});

it("refuses what may not be", async () => {
  const ann = await join(server.address, "ann");
  await expect(ann.client.room("not a room").join()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  const room = ann.client.room("small");
  await room.join();
  await expect(room.send("x".repeat(5_000))).rejects.toMatchObject({ code: "TOO_LARGE" });
  await ann.client.close();
});
