/** What is done without a connection, and answers that never arrive: nothing is lost, nothing happens twice. */

import "fake-indexeddb/auto";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { Accounts, type Client, type ClientOptions, type TokenProvider } from "../src/index.js";
import { again, connectAs, eventually, everything, join, online, register, text, textOf, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

type Socket = NonNullable<ClientOptions["webSocket"]>;

describe("without a connection", () => {
  it("tries at once when somebody does not want to wait", async () => {
    const ann = await join(server.address, "ann");
    await online(ann);
    await server.kill();
    const { attempt } = await waiting(ann.client, 4);
    ann.client.tryNow();
    await until(ann.client.status, (status) => "attempt" in status && status.attempt > attempt, "a further try");
    await server.restart();
    await online(ann);
    await ann.client.close();
  });

  it("five messages that were written offline go out once and in order after a reload, with their ids", async () => {
    const bob = await join(server.address, "bob");
    const { user, tokens } = await register(server.address, "ann");
    const before = connectAs(server.address, user.userId, { storage: "indexeddb" });
    await before.connect(tokens.accessToken);
    await online({ client: before });
    await server.kill();
    const words = ["one", "two", "three", "four", "five"];
    const ids = [];
    for (const word of words) ids.push((await before.direct(bob.userId).send(text(word))).clientMessageId);
    await before.close();

    const after = connectAs(server.address, user.userId, { storage: "indexeddb" });
    await after.connect(tokens.accessToken);
    const toBob = after.direct(bob.userId);
    expect(toBob.open().current.outgoing.map(({ clientMessageId }) => clientMessageId)).toEqual(ids);
    await server.restart();
    const atBob = bob.client.direct(user.userId);
    await until(atBob, ({ lastSeq }) => lastSeq === 5, "all at bob's");
    const got = await everything(atBob);
    expect(got.map(textOf)).toEqual(words);
    expect(got.map(({ clientMessageId }) => clientMessageId)).toEqual(ids);
    await until(toBob, ({ lastSeq }) => lastSeq === 5, "acked");
    expect(toBob.open().current.outgoing).toEqual([]);
    await Promise.all([after.close(), bob.client.close()]);
  });

  it("reads and drafts are told later, also after a reload", async () => {
    const bob = await join(server.address, "bob");
    const { user, tokens } = await register(server.address, "ann");
    const before = connectAs(server.address, user.userId, { storage: "indexeddb" });
    await before.connect(tokens.accessToken);
    const atBob = bob.client.direct(user.userId);
    await atBob.send(text("read me"));
    const here = before.direct(bob.userId);
    await until(here, ({ unread }) => unread === 1, "unread");
    await server.kill();
    await here.markRead();
    here.setDraft("later");
    expect(here.current).toMatchObject({ unread: 0, readSeq: 1, draft: "later" });
    expect(before.totalUnread.current).toBe(0);
    await before.close();
    const after = connectAs(server.address, user.userId, { storage: "indexeddb" });
    await after.connect(tokens.accessToken);
    expect(after.direct(bob.userId).current).toMatchObject({ unread: 0, draft: "later" });
    await server.restart();
    await until(atBob, ({ peerReadSeq }) => peerReadSeq === 1, "read, at bob's");
    const other = connectAs(server.address, user.userId);
    await other.connect(tokens.accessToken);
    await until(
      other.direct(bob.userId),
      ({ draft, unread }) => draft === "later" && unread === 0,
      "on another device",
    );
    await Promise.all([after.close(), other.close(), bob.client.close()]);
  });
});

/** A WebSocket that swallows what the server says, from when it is told to until it is closed. */
function deaf() {
  const state = { deaf: false };
  class Deaf extends WebSocket {
    override emit(event: string | symbol, ...args: unknown[]): boolean {
      return state.deaf && event === "message" ? false : super.emit(event, ...args);
    }
  }
  return { state, webSocket: Deaf as unknown as Socket };
}

describe("answers that never arrive", () => {
  it.each(["webSocket", "fetch"])("make no duplicate over %s, and the outbox is empty in the end", async (way) => {
    const bob = await join(server.address, "bob");
    const { state, webSocket } = deaf();
    const sent = (url: unknown) => String(url).endsWith("/SendMessage");
    const loseAnswers: typeof fetch = async (...request) => {
      const answer = await fetch(...request);
      if (state.deaf && sent(request[0] instanceof Request ? request[0].url : request[0])) throw new TypeError("lost");
      return answer;
    };
    const noSocket = class {
      constructor() {
        throw new Error("none here");
      }
    } as unknown as Socket;
    const options = way === "fetch" ? { fetch: loseAnswers, webSocket: noSocket } : { webSocket };
    const ann = await join(server.address, "ann", options);
    await online(ann);
    const toBob = ann.client.direct(bob.userId);
    const history = toBob.open();
    state.deaf = true;
    for (const word of ["one", "two", "three"]) await toBob.send(text(word));
    const atBob = bob.client.direct(ann.userId);
    // The server has taken it; nobody here knows.
    await until(atBob, ({ lastSeq }) => lastSeq >= 1, "the first at bob's");
    expect(history.current.outgoing).toHaveLength(3);
    state.deaf = false;
    await server.restart();
    await until(atBob, ({ lastSeq }) => lastSeq === 3, "all at bob's");
    await until(history, ({ outgoing }) => outgoing.length === 0, "an empty outbox");
    expect((await everything(atBob)).map(textOf)).toEqual(["one", "two", "three"]);
    expect((await everything(toBob)).map(textOf)).toEqual(["one", "two", "three"]);
    await Promise.all([ann.client.close(), bob.client.close()]);
  });
});

describe("a send that fails", () => {
  it("says why, does not hold up the next ones, and can be repeated or taken back", async () => {
    const [ann, bob] = [await join(server.address, "ann"), await join(server.address, "bob")];
    await Promise.all([online(ann), online(bob)]);
    const toBob = ann.client.direct(bob.userId);
    await toBob.send(text("hello"));
    await until(toBob, ({ lastSeq }) => lastSeq === 1, "the first");
    await bob.client.setBlocked(ann.userId, true);
    const history = toBob.open();
    await toBob.send(text("are you there?"));
    await toBob.send(text("really?"));
    const failed = ({ outgoing }: typeof history.current) =>
      outgoing.length === 2 && outgoing.every(({ status }) => status === "failed");
    await until(history, failed, "two that failed");
    const [first, second] = history.current.outgoing;
    expect(first?.error?.code).toBe("BLOCKED");
    await bob.client.setBlocked(ann.userId, false);
    await toBob.cancel(second?.clientMessageId ?? "");
    await until(history, ({ outgoing }) => outgoing.length === 1, "one taken back");
    await toBob.retry(first?.clientMessageId ?? "");
    await until(toBob, ({ lastSeq }) => lastSeq === 2, "the repeated one");
    const atBob = bob.client.direct(ann.userId);
    await until(atBob, ({ lastSeq }) => lastSeq === 2, "the repeated one at bob's");
    expect((await everything(atBob)).map(textOf)).toEqual(["hello", "are you there?"]);
    expect(history.current.outgoing).toEqual([]);
    // What cannot even be written as a message fails at once.
    await toBob.send({ type: "text", text: "x", mentions: [{ userId: "nobody", offset: 0, length: 1 }] });
    await until(history, ({ outgoing }) => outgoing[0]?.error?.code === "INVALID_ARGUMENT", "nonsense refused");
    await Promise.all([ann.client.close(), bob.client.close()]);
  });
});

describe("two clients of one user", () => {
  it("agree about reads, drafts, deletions and own messages", async () => {
    const [ann, bob] = [await join(server.address, "ann"), await join(server.address, "bob")];
    const other = await again(server.address, ann);
    await Promise.all([online(ann), online(bob), online(other)]);
    const [here, there] = [ann.client.direct(bob.userId), other.client.direct(bob.userId)];
    await here.send(text("from here"));
    await until(there, ({ lastSeq }) => lastSeq === 1, "there");
    await there.send(text("from there"));
    await until(here, ({ lastSeq }) => lastSeq === 2, "here");
    await bob.client.direct(ann.userId).send(text("hi both"));
    await Promise.all([here, there].map((one) => until(one, ({ unread }) => unread === 1, "unread")));
    await there.markRead();
    await until(here, ({ unread, readSeq }) => unread === 0 && readSeq === 3, "read here");
    here.setDraft("to be continued");
    await until(there, ({ draft }) => draft === "to be continued", "the draft there");
    there.setDraft("");
    await until(here, ({ draft }) => draft === "", "no draft here");
    const history = there.open();
    await history.load(1, 3);
    const [gone] = await everything(here);
    if (gone === undefined) throw new Error("no message");
    await here.delete([gone]);
    await eventually(() => history.get(1) === null, "deleted there");
    expect((await everything(there)).map(textOf)).toEqual(["from there", "hi both"]);
    expect(await everything(here)).toEqual(await everything(there));
    // Receipts of bob's devices may be on their way to one of them.
    await eventually(() => isDeepStrictEqual(here.current, there.current), "the same state here and there");
    await Promise.all([ann, bob, other].map(({ client }) => client.close()));
  });

  it("one that is revoked closes with the reason, soon", async () => {
    const ann = await join(server.address, "ann");
    const other = await again(server.address, ann);
    await Promise.all([online(ann), online(other)]);
    const device = (await ann.client.devices()).find(({ current }) => !current);
    const begun = Date.now();
    await ann.client.revokeDevice(device?.deviceId ?? "");
    const status = await until(other.client.status, ({ state }) => state === "closed", "closed");
    expect(status).toMatchObject({ code: "TOKEN_REVOKED" });
    expect(Date.now() - begun).toBeLessThan(1_000);
    expect(ann.client.status.current.state).toBe("online");
    await expect(other.client.direct(ann.userId).refresh()).rejects.toMatchObject({ code: "CLOSED" });
    await ann.client.close();
  });
});

describe("tokens that live two seconds", () => {
  let short: Server;
  beforeAll(async () => {
    short = await Server.start({ SKEIN__SERVICE__ACCESS_TOKEN_S: "2" });
  });
  afterAll(() => short.stop());

  async function withProvider(options: Partial<ClientOptions>): Promise<{ client: Client; exchanges: () => number }> {
    const login = await register(short.address, "ann");
    let { tokens } = login;
    let exchanges = 0;
    const provider: TokenProvider = async ({ rejected }) => {
      if (rejected === tokens.accessToken || tokens.accessExpiresMs < Date.now()) {
        exchanges += 1;
        tokens = await new Accounts(short.address).refresh(tokens.refreshToken);
      }
      return tokens.accessToken;
    };
    const client = connectAs(short.address, login.user.userId, options);
    await client.connect(provider);
    return { client, exchanges: () => exchanges };
  }

  it("are exchanged in mid-session, and nothing else is noticed", async () => {
    const bob = await register(short.address, "bob");
    const { client, exchanges } = await withProvider({});
    const toBob = client.direct(bob.user.userId);
    const states: string[] = [];
    await online({ client });
    const stop = client.status.subscribe(() => states.push(client.status.current.state));
    for (let count = 1; count <= 3; count += 1) {
      await eventually(() => exchanges() >= count, "an exchange");
      await toBob.send(text(`message ${count}`));
      await until(toBob, ({ lastSeq }) => lastSeq === count, "acked");
    }
    stop();
    expect(states).toEqual([]);
    await client.close();
  });

  it("without a provider the client says so", async () => {
    const { user, tokens } = await register(short.address, "cid");
    const client = connectAs(short.address, user.userId);
    await client.connect(tokens.accessToken);
    expect(await until(client.status, ({ state }) => state === "closed", "closed")).toMatchObject({
      code: "TOKEN_REVOKED",
    });
  });
});

/** Waits until the client waits, after at least so many tries. */
async function waiting(client: Client, attempts: number): Promise<{ readonly attempt: number }> {
  const status = await until(client.status, (now) => now.state === "waiting" && now.attempt >= attempts, "waiting");
  if (status.state !== "waiting") throw new Error("not waiting");
  return status;
}
