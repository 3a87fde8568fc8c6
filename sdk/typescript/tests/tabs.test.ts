/** Several tabs of one user in one browser: one connection, one truth. */

import "fake-indexeddb/auto";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import WebSocket from "ws";
import type { Client, ClientOptions } from "../src/index.js";
import { ProcessLocks, tabsIn } from "./locks.js";
import { connectAs, eventually, everything, join, online, register, text, textOf, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** A WebSocket that counts how many of its kind are open. */
function counted() {
  const sockets = new Set<WebSocket>();
  class Counted extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols);
      sockets.add(this);
    }
  }
  const open = () => [...sockets].filter(({ readyState }) => readyState === WebSocket.OPEN).length;
  return { webSocket: Counted as unknown as NonNullable<ClientOptions["webSocket"]>, open, sockets };
}

async function tab(
  locks: ProcessLocks,
  userId: string,
  token: string,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const client = connectAs(server.address, userId, { storage: "indexeddb", tabs: tabsIn(locks), ...options });
  await client.connect(token);
  return client;
}

it("share one connection, see the same, send through the leader, and go on without it", async () => {
  const bob = await join(server.address, "bob");
  const { user, tokens } = await register(server.address, "ann");
  const locks = new ProcessLocks();
  const socket = counted();
  const options = { webSocket: socket.webSocket };
  const first = await tab(locks, user.userId, tokens.accessToken, options);
  await online({ client: first });
  const second = await tab(locks, user.userId, tokens.accessToken, options);
  await online({ client: second });
  expect(socket.open()).toBe(1);

  // What the follower sends goes out through the leader, and both see it.
  const [here, there] = [first.direct(bob.userId), second.direct(bob.userId)];
  await there.send(text("from the second tab"));
  const atBob = bob.client.direct(user.userId);
  await until(atBob, ({ lastSeq }) => lastSeq === 1, "the message at bob's");
  await until(here, ({ lastSeq }) => lastSeq === 1, "the message in the first tab");
  await until(there, ({ lastSeq }) => lastSeq === 1, "the message in the second tab");

  // What comes is seen in both; what is read in one is read in the other, and at the server.
  const heard = vi.fn();
  second.on("message", heard);
  await atBob.send(text("hello tabs"));
  await until(there, ({ unread }) => unread === 1, "unread in the second tab");
  await until(here, ({ unread }) => unread === 1, "unread in the first tab");
  expect(heard).toHaveBeenCalledOnce();
  await there.markRead();
  await until(here, ({ unread }) => unread === 0, "read in the first tab");
  await until(atBob, ({ peerReadSeq }) => peerReadSeq === 2, "read at bob's");
  there.setDraft("half a");
  await until(here, ({ draft }) => draft === "half a", "the draft in the first tab");
  expect(await everything(there)).toEqual(await everything(here));

  // The leader goes while the server is away: the follower finishes what is in the outbox.
  await server.kill();
  await there.send(text("one"));
  await here.send(text("two"));
  await there.send(text("three"));
  await first.close();
  await server.restart();
  await until(atBob, ({ lastSeq }) => lastSeq === 5, "all of them at bob's");
  await until(there, ({ lastSeq }) => lastSeq === 5, "all of them in the second tab");
  expect((await everything(atBob)).map(textOf).slice(2)).toEqual(["one", "two", "three"]);
  // A server that came back between two attempts may be reached by another transport first; never by two connections.
  const overSocket = () => {
    const status = second.status.current;
    return status.state === "online" && status.transport === "websocket" ? 1 : 0;
  };
  await eventually(() => second.status.current.state === "online" && socket.open() === overSocket(), "one connection");
  await Promise.all([second.close(), bob.client.close()]);
});

it("close together when the user logs out in one of them", async () => {
  const { user, tokens } = await register(server.address, "cid");
  const locks = new ProcessLocks();
  const first = await tab(locks, user.userId, tokens.accessToken);
  const second = await tab(locks, user.userId, tokens.accessToken);
  await online({ client: first });
  await second.logOut();
  await until(first.status, ({ state }) => state === "closed", "the end of the first tab");
  expect((await indexedDB.databases()).map(({ name }) => name)).not.toContain(`skein:${server.address}:${user.userId}`);
});

it("of different users do not mind each other", async () => {
  const locks = new ProcessLocks();
  const [ann, bob] = [await register(server.address, "ann"), await register(server.address, "bob")];
  const first = await tab(locks, ann.user.userId, ann.tokens.accessToken);
  const second = await tab(locks, bob.user.userId, bob.tokens.accessToken);
  await Promise.all([online({ client: first }), online({ client: second })]);
  await first.direct(bob.user.userId).send(text("hi"));
  await until(second.direct(ann.user.userId), ({ unread }) => unread === 1, "the message");
  expect(first.me.current?.userId).toBe(ann.user.userId);
  await Promise.all([first.close(), second.close()]);
});

it("take over from a leader that is frozen, which follows when it wakes up", async () => {
  const { user, tokens } = await register(server.address, "dan");
  const bob = await join(server.address, "bob");
  const locks = new ProcessLocks();
  let frozen = false;
  const freezing = (name: string) => {
    const tabs = tabsIn(locks)(name);
    const { post } = tabs;
    tabs.post = (message) => frozen || post(message);
    return new Proxy(tabs, {
      set(target, key, value) {
        if (key !== "onMessage") return Reflect.set(target, key, value);
        target.onMessage = (message) => frozen || value(message);
        return true;
      },
    });
  };
  const first = await tab(locks, user.userId, tokens.accessToken, { tabs: freezing });
  await online({ client: first });
  frozen = true;
  const second = await tab(locks, user.userId, tokens.accessToken);
  expect(second.status.current.state).toBe("connecting");
  await online({ client: second });
  frozen = false;
  await first.direct(bob.userId).send(text("from the one that was frozen"));
  await until(second.direct(bob.userId), ({ lastSeq }) => lastSeq === 1, "sent by the new leader");
  await until(first.direct(bob.userId), ({ lastSeq }) => lastSeq === 1, "seen by the former one");
  await Promise.all([first.close(), second.close(), bob.client.close()]);
});

it("leave nothing open when closed while they connect", async () => {
  const { user, tokens } = await register(server.address, "eve");
  const socket = counted();
  const client = connectAs(server.address, user.userId, { storage: "indexeddb", webSocket: socket.webSocket });
  const connecting = client.connect(tokens.accessToken);
  await client.close();
  await expect(connecting).rejects.toMatchObject({ code: "CLOSED" });
  await expect(client.connect(tokens.accessToken)).rejects.toMatchObject({ code: "CLOSED" });
  expect(socket.sockets.size).toBe(0);
});
