/** Signals through a real server: typing, commands with replies, and what becomes of them in other tabs. */

import { afterAll, beforeAll, expect, it } from "vitest";
import type { Signal } from "../src/index.js";
import { join, text, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

it("shows who writes until the message is there", async () => {
  const [ann, bob] = await Promise.all([join(server.address, "ann"), join(server.address, "bob")]);
  const [here, there] = [ann.client.direct(bob.client.userId), bob.client.direct(ann.client.userId)];
  await until(bob.client.status, ({ state }) => state === "online", "bob is there");
  await until(ann.client.status, ({ state }) => state === "online", "ann is there");
  here.typing();
  await until(there.writing, (writers) => writers.includes(ann.client.userId), "somebody writes");
  expect(here.writing.current).toEqual([]);
  await here.send(text("hello"));
  await until(there.writing, (writers) => writers.length === 0, "the message ends it");
});

it("asks a device and gets its reply", async () => {
  const [ann, bob] = await Promise.all([join(server.address, "cid"), join(server.address, "dan")]);
  await until(bob.client.status, ({ state }) => state === "online", "dan is there");
  const to = { userId: bob.client.userId };
  await expect(ann.client.signals.ask(to, "command", { text: "{}" }, 5_000)).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  const heard: Signal[] = [];
  bob.client.on("signal", (signal) => {
    heard.push(signal);
    if (signal.replyWithinMs > 0) void bob.client.signals.reply(signal.signalId, { text: `${signal.text}!` });
  });
  expect(await ann.client.signals.send(to, "acme.poke", { text: "hi" })).toBe(1);
  await ann.client.direct(bob.client.userId).send(text("hello"));
  await until(bob.client.conversations, (listed) => listed.length > 0, "they talk to each other");
  const reply = await ann.client.signals.ask(to, "command", { text: "open" }, 20_000);
  expect([reply.text, reply.userId]).toEqual(["open!", bob.client.userId]);
  expect(heard.map(({ kind }) => kind)).toEqual(["acme.poke", "command"]);
});
