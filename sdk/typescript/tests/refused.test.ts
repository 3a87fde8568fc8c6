/** A storage that stops writing in the middle, and listeners that throw: what is shown stays true, and nothing is sent twice. */

import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { MemoryStorage, SkeinError } from "../src/index.js";
import type { Changes } from "../src/storage/storage.js";
import { connectAs, everything, join, online, register, text, textOf, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** Takes no changes while it is full. */
class FullStorage extends MemoryStorage {
  full = false;

  override async apply(changes: Changes): Promise<void> {
    if (this.full) throw new DOMException("no more", "QuotaExceededError");
    return super.apply(changes);
  }

  override async appendOutbox(...args: Parameters<MemoryStorage["appendOutbox"]>): Promise<number> {
    if (this.full) throw new DOMException("no more", "QuotaExceededError");
    return super.appendOutbox(...args);
  }
}

it("a full storage: everything is shown, sent once, and complete after a restart", async () => {
  const bob = await join(server.address, "bob");
  const { user, tokens } = await register(server.address, "ann");
  const storage = new FullStorage();
  const client = connectAs(server.address, user.userId, { storage });
  const failed = vi.fn();
  client.on("storageFailed", failed);
  await client.connect(tokens.accessToken);
  await online({ client });
  const [toBob, atBob] = [client.direct(bob.userId), bob.client.direct(user.userId)];
  await toBob.send(text("one"));
  await until(toBob, ({ lastSeq }) => lastSeq === 1, "one");
  const before = await storage.appendOutbox({
    clientMessageId: "0192f0c1-0000-7000-8000-000000000001",
    conversationId: toBob.id,
    content: text("two"),
    clientTimeMs: 1,
    options: {},
  });
  expect(before).toBe(2);
  storage.full = true;
  await toBob.retry("0192f0c1-0000-7000-8000-000000000001");
  await until(atBob, ({ lastSeq }) => lastSeq === 2, "two at bob's");
  await until(toBob, ({ lastSeq }) => lastSeq === 2, "two here");
  await expect(toBob.send(text("three"))).rejects.toMatchObject({ code: "STORE_FULL", retryable: true });
  await atBob.send(text("four"));
  await until(toBob, ({ unread }) => unread === 1, "four");
  expect((await everything(toBob)).map(textOf)).toEqual(["one", "two", "four"]);
  expect(failed).toHaveBeenCalled();
  expect(await storage.outbox()).toEqual([]);
  await client.close();

  storage.full = false;
  const later = connectAs(server.address, user.userId, { storage });
  await later.connect(tokens.accessToken);
  await online({ client: later });
  expect((await everything(later.direct(bob.userId))).map(textOf)).toEqual(["one", "two", "four"]);
  expect((await everything(atBob)).map(textOf)).toEqual(["one", "two", "four"]);
  await Promise.all([later.close(), bob.client.close()]);
});

it("a listener that throws is reported and harms nothing", async () => {
  const reported: unknown[] = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
  const [ann, bob] = [await join(server.address, "ann"), await join(server.address, "bob")];
  await Promise.all([online(ann), online(bob)]);
  const wrong = new SkeinError("UNKNOWN", "a mistake of the application");
  const fail = () => {
    throw wrong;
  };
  bob.client.on("message", fail);
  const atBob = bob.client.direct(ann.userId);
  atBob.subscribe(fail);
  await ann.client.direct(bob.userId).send(text("one"));
  await ann.client.direct(bob.userId).send(text("two"));
  await until(atBob, ({ lastSeq }) => lastSeq === 2, "both");
  expect(bob.client.status.current.state).toBe("online");
  expect(new Set(reported)).toEqual(new Set([wrong]));
  vi.unstubAllGlobals();
  await Promise.all([ann.client.close(), bob.client.close()]);
});
