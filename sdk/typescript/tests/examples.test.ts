/** The examples of the READMEs: they are what is printed there, and they run. */

import { readFile } from "node:fs/promises";
import { join as path } from "node:path";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { say, start } from "../examples/browser.js";
import { echo } from "../examples/node.js";
import { useConversations, useObservable } from "../examples/react.js";
import type { Client } from "../src/index.js";
import { join, online, PASSWORD, register, text, textOf, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());
afterEach(() => vi.unstubAllGlobals());

const root = path(import.meta.dirname, "..");

describe.each(["README.md", "README.zh-CN.md"])("%s", (name) => {
  it.each(["browser.ts", "react.ts", "node.ts"])("prints %s as it is", async (example) => {
    const code = await readFile(path(root, "examples", example), "utf8");
    const [, ...body] = code.split("\n\n");
    expect(await readFile(path(root, name), "utf8")).toContain(body.join("\n\n").trim());
  });
});

it("the browser example logs in, hears and says something, and is logged in after a reload", async () => {
  const page = { title: "" };
  vi.stubGlobal("document", page);
  vi.stubGlobal("navigator", { userAgent: "a browser" });
  vi.stubGlobal("WebSocket", WebSocket);
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  });
  const ann = await register(server.address, "ann");
  const bob = await join(server.address, "bob");
  const first = await start(server.address, ann.username, PASSWORD);
  await online({ client: first });
  await say(first, bob.userId, "hello");
  const atBob = bob.client.direct(ann.user.userId);
  await until(atBob, ({ lastSeq }) => lastSeq === 1, "hello");
  await atBob.send(text("hi"));
  await until(first.direct(bob.userId), ({ lastSeq }) => lastSeq === 2, "hi");
  expect(page.title).toMatch(/: hi$/);
  const again = await start(server.address, "nobody", "wrong");
  await online({ client: again });
  expect(again.userId).toBe(ann.user.userId);
  await Promise.all([first.close(), again.close(), bob.client.close()]);
});

it("the Node example echoes", async () => {
  const robot = await register(server.address, "robot");
  const ann = await join(server.address, "ann");
  const client = await echo(server.address, robot.username, PASSWORD);
  await online({ client });
  const conversation = ann.client.direct(robot.user.userId);
  await conversation.send(text("are you there?"));
  const { lastMessage } = await until(conversation, ({ lastSeq }) => lastSeq === 2, "the echo");
  expect(lastMessage && textOf(lastMessage)).toBe("are you there?");
  await Promise.all([client.close(), ann.client.close()]);
});

function Page({ client }: { readonly client: Client }) {
  const { state } = useObservable(client.status);
  return createElement("p", null, `${state}, ${useConversations(client).length} conversations`);
}

it("the React hooks draw", async () => {
  const ann = await join(server.address, "ann");
  await online(ann);
  expect(renderToString(createElement(Page, { client: ann.client }))).toBe("<p>online, 0 conversations</p>");
  await ann.client.close();
});
