/** Two people talk through a real server. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything, join, online, text, textOf, until } from "./people.js";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

describe("one to one", () => {
  it("brings messages both ways, with unread, delivered and read", async () => {
    const ann = await join(server.address, "ann");
    const bob = await join(server.address, "bob");
    await Promise.all([online(ann), online(bob)]);
    const toBob = ann.client.direct(bob.userId);
    const history = toBob.open();
    const heard: string[] = [];
    bob.client.on("message", ({ conversation, message }) =>
      heard.push(`${conversation.current.unread} ${textOf(message)}`),
    );
    await toBob.send(text("hello"));
    expect(history.current.outgoing).toHaveLength(1);

    const fromAnn = bob.client.direct(ann.userId);
    await until(fromAnn, ({ unread }) => unread === 1, "one unread");
    expect(bob.client.conversations.current).toEqual([fromAnn]);
    expect(bob.client.totalUnread.current).toBe(1);
    expect(heard).toEqual(["1 hello"]);
    expect(fromAnn.displayTitle).toBe(ann.client.me.current?.displayName);
    await until(history, () => history.get(1) !== undefined && history.current.outgoing.length === 0, "acked");
    const message = history.get(1);
    if (!message) throw new Error("no message");
    await until(history, () => history.status(message) === "delivered", "delivered");

    await fromAnn.markRead();
    expect(fromAnn.current.unread).toBe(0);
    await until(history, () => history.status(message) === "read", "read");
    await fromAnn.send(text("hi yourself"));
    await until(toBob, ({ lastSeq }) => lastSeq === 2);
    expect((await everything(toBob)).map(textOf)).toEqual(["hello", "hi yourself"]);
    expect(await everything(fromAnn)).toEqual(await everything(toBob));
    await Promise.all([ann.client.close(), bob.client.close()]);
  });

  it("keeps the order of many and shows each once", async () => {
    const ann = await join(server.address, "ann");
    const bob = await join(server.address, "bob");
    const toBob = ann.client.direct(bob.userId);
    const words = Array.from({ length: 300 }, (_, at) => `message ${at}`);
    for (const word of words) await toBob.send(text(word));
    const fromAnn = bob.client.direct(ann.userId);
    await until(fromAnn, ({ lastSeq }) => lastSeq === words.length, "all of them");
    expect((await everything(fromAnn)).map(textOf)).toEqual(words);
    await Promise.all([ann.client.close(), bob.client.close()]);
  });

  it("loses nothing when the server is killed while sending", async () => {
    const ann = await join(server.address, "ann");
    const bob = await join(server.address, "bob");
    const toBob = ann.client.direct(bob.userId);
    const words = Array.from({ length: 120 }, (_, at) => `message ${at}`);
    for (const [at, word] of words.entries()) {
      await toBob.send(text(word));
      if (at % 40 === 20) await server.restart();
    }
    const fromAnn = bob.client.direct(ann.userId);
    await until(fromAnn, ({ lastSeq }) => lastSeq >= words.length, "all of them");
    await until(toBob, ({ lastSeq }) => lastSeq >= words.length, "all acked");
    expect((await everything(fromAnn)).map(textOf)).toEqual(words);
    expect((await everything(toBob)).map(textOf)).toEqual(words);
    expect(fromAnn.current.unread).toBe(words.length);
    await Promise.all([ann.client.close(), bob.client.close()]);
  });
});

describe("a group", () => {
  it("has members, system lines, readers; edits and recalls reach everybody", async () => {
    const [ann, bob, cid] = await Promise.all(["ann", "bob", "cid"].map((name) => join(server.address, name)));
    if (!ann || !bob || !cid) throw new Error("nobody");
    const group = await ann.client.createGroup("Crew", [bob.userId]);
    expect(group.displayTitle).toBe("Crew");
    const atBob = bob.client.conversation(group.id);
    await until(atBob, ({ member, title }) => member && title === "Crew", "the group at bob's");
    const members = atBob.members;
    await until(members, (all) => all.length === 2, "two members");
    await group.addMembers([cid.userId]);
    await until(members, (all) => all.length === 3, "three members");

    await group.send({ ...text("hi @bob"), mentions: [{ userId: bob.userId, offset: 3, length: 4 }] });
    await until(atBob, ({ mentioned }) => mentioned, "the mention");
    const history = atBob.open();
    const last = atBob.current.lastSeq;
    await history.load(1, last);
    const message = history.get(last);
    if (!message) throw new Error("no message");
    await atBob.markRead();
    await until(atBob, ({ mentioned }) => !mentioned, "no mention");

    const own = group.open();
    await own.load(1, last);
    await until(own, () => own.readerCount(message) === 1, "a reader");
    const readers = await group.readers(message);
    expect(readers.read.map(({ userId }) => userId)).toEqual([bob.userId]);
    expect(readers.unreadIds).toEqual([cid.userId]);

    await group.edit(message, text("hello all"));
    await until(history, () => history.get(last)?.editCount === 1, "the edit");
    await group.recall(message);
    await until(history, () => history.get(last)?.state === "recalled", "the recall");
    expect(history.get(1)?.content.type).toBe("system");

    await atBob.delete([message]);
    expect(history.get(last)).toBeNull();
    await bob.client.close();
    await Promise.all([ann.client.close(), cid.client.close()]);
  });
});
