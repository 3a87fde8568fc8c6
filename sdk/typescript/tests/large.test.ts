/** Much of everything: long absences, long histories, many conversations. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryStorage } from "../src/index.js";
import { again, connectAs, everything, join, online, type Person, register, text, textOf, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

const BATCH = 100;

/** Many messages in one conversation, quickly: the first hundred are sent, the others are copies of those. */
async function flood(from: Person, userId: string, count: number): Promise<void> {
  const conversation = from.client.direct(userId);
  const first = conversation.current.lastSeq;
  for (let at = 0; at < Math.min(BATCH, count); at += 1) await conversation.send(text(`message ${at}`));
  await until(conversation, ({ lastSeq }) => lastSeq === first + Math.min(BATCH, count), "the first ones");
  const originals = (await everything(conversation)).slice(-BATCH);
  for (let sent = BATCH; sent < count; sent += BATCH) await conversation.forward(originals, [conversation]);
}

describe("after a long absence", () => {
  it("3,000 messages in one conversation: the newest are there at once, the others when they are looked at", async () => {
    const bob = await join(server.address, "bob");
    const { user, tokens } = await register(server.address, "ann");
    const storage = new MemoryStorage();
    const before = connectAs(server.address, user.userId, { storage });
    await before.connect(tokens.accessToken);
    await flood(bob, user.userId, 30);
    await until(before.direct(bob.userId), ({ lastSeq }) => lastSeq === 30, "the first ones");
    await everything(before.direct(bob.userId));
    await before.close();
    await flood(bob, user.userId, 3_000);

    const after = connectAs(server.address, user.userId, { storage });
    await after.connect(tokens.accessToken);
    await online({ client: after });
    const fromBob = after.direct(bob.userId);
    expect(fromBob.current).toMatchObject({ lastSeq: 3_030, unread: 3_030 });
    // It started over from the newest ones instead of pulling three thousand.
    const { messages, held } = await storage.messages(fromBob.id, [1, 3_030]);
    expect(messages.length).toBeLessThan(100);
    expect(held.at(-1)?.[1]).toBe(3_030);
    const all = await everything(fromBob);
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 3_030 }, (_, at) => at + 1));
    expect(new Set(all.map(({ messageId }) => messageId)).size).toBe(3_030);
    await Promise.all([after.close(), bob.client.close()]);
  });

  it("300 conversations", async () => {
    const ann = await join(server.address, "ann");
    await online(ann);
    await ann.client.close();
    const groups = 300;
    const bob = await join(server.address, "bob");
    for (let count = 0; count < groups; count += 20) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, at) => {
          const group = await bob.client.createGroup(`group ${count + at}`, [ann.userId]);
          await group.send(text(`in ${count + at}`));
        }),
      );
    }
    await until(bob.client.conversations, (all) => all.every(({ current }) => current.lastSeq === 2), "all sent");
    const after = await again(server.address, ann);
    await online(after);
    expect(after.client.conversations.current).toHaveLength(groups);
    expect(after.client.totalUnread.current).toBe(groups);
    const keys = after.client.conversations.current.map(({ current }) => current.sortKey);
    expect(keys).toEqual([...keys].sort((a, b) => (a > b ? -1 : 1)));
    await Promise.all([after.client.close(), bob.client.close()]);
  });
});

describe("a history of 10,000 messages", () => {
  it("loads anywhere, in any order, and lets go of what is far away", async () => {
    const [ann, bob] = [await join(server.address, "ann"), await join(server.address, "bob")];
    await online(ann);
    await flood(bob, ann.userId, 10_000);
    const fromBob = ann.client.direct(bob.userId);
    await until(fromBob, ({ lastSeq }) => lastSeq === 10_000, "all of them");
    const history = fromBob.open();
    const inSight = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, at) => history.get(from + at)?.seq === from + at);
    for (const seq of [5_000, 1, 9_999, 2_500, 7_777, 10_000]) {
      const [from, to] = [Math.max(1, seq - 20), Math.min(10_000, seq + 20)];
      await history.load(from, to);
      expect(inSight(from, to)).not.toContain(false);
    }
    for (let from = 1; from < 10_000; from += 500) {
      await history.load(from, from + 499);
      expect(inSight(1, 10_000).filter(Boolean).length).toBeLessThan(5_000);
    }
    // What was let go comes back when it is looked at.
    await history.load(1, 50);
    expect(history.get(1)?.seq).toBe(1);
    expect((await everything(fromBob)).map(textOf)).toHaveLength(10_000);
    history.close();
    await Promise.all([ann.client.close(), bob.client.close()]);
  });
});
