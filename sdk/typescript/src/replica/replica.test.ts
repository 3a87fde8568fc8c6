/** Whatever is dropped, doubled, reordered or broken off, and wherever the client restarts: after a last pull it shows what the server has. */

import { create } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ME, type ModelConversation, ModelServer, type Sending } from "../../tests/model.js";
import { type Event, EventSchema } from "../gen/skein/v1/link_pb.js";
import { conversationFromWire, messageFromWire } from "../model/convert.js";
import { MemoryStorage } from "../storage/memory.js";
import type { Changes } from "../storage/storage.js";
import { foldEntry } from "./entry.js";
import { Replica, type UserPage } from "./replica.js";

const BUNDLE_MESSAGES = 3;
const LIMITS = { catchUpChangesMax: 12, tailMessagesMax: 3 };
const me = String(ME);

type Answer = () => Changes;

/** A client of the model: a replica, its storage, and what is on the way between them. */
class Harness {
  readonly server = new ModelServer();
  readonly storage = new MemoryStorage();
  replica!: Replica;
  inFlight: Event[] = [];
  #unwritten: Changes[] = [];
  /** The answer to the pull that is under way, as the server saw it when it was asked. */
  #answer: Answer | undefined;

  constructor(private readonly pageMessages: number) {}

  async start(): Promise<void> {
    this.inFlight = [];
    this.#unwritten = [];
    this.#answer = undefined;
    this.replica = new Replica(me, await this.storage.load(), LIMITS);
    this.replica.needUser();
  }

  take(changes: Changes): void {
    this.#unwritten.push(changes);
  }

  async write(): Promise<void> {
    for (const changes of this.#unwritten.splice(0)) await this.storage.apply(changes);
  }

  /** Asks the server, unless a pull is under way. */
  ask(): void {
    if (this.#answer !== undefined) return;
    const [need] = this.replica.needs();
    if (need === undefined) return;
    if (need.kind === "user") this.#askUser(this.replica.beginUserPull());
    else if (need.kind === "conversation") this.#askConversation(need.conversationId);
    else this.#askEntry(need.conversationId);
  }

  #askUser({ sinceVersion, beforeVersion }: UserPage): void {
    const page = this.server.pullUser(sinceVersion, beforeVersion, 2, BUNDLE_MESSAGES);
    this.#answer = () => {
      const changes = this.replica.mergeUserPage(page, page.messages);
      const next = this.replica.nextUserPage;
      if (next !== undefined) this.#askUser(next);
      return changes;
    };
  }

  #askConversation(id: string): void {
    const { version = 0, wanted = 0 } = this.replica.record(id) ?? {};
    const page = this.server.pullConversation(id, version, this.pageMessages);
    this.#answer = () => {
      if (page === undefined) {
        this.replica.giveUp(id);
        return {};
      }
      const changes = this.replica.mergeConversationPage(id, page, wanted);
      if (page.hasMore) this.#askConversation(id);
      return changes;
    };
  }

  #askEntry(id: string): void {
    const conversation = this.server.conversations.find((one) => one.id === id);
    const entry = conversation && this.server.render(conversation, Number.POSITIVE_INFINITY);
    this.#answer = () => {
      if (entry?.member) return this.replica.restart(entry);
      this.replica.giveUp(id);
      return {};
    };
  }

  answer(): void {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer !== undefined) this.take(answer());
  }

  breakOff(): void {
    this.#answer = undefined;
    this.replica.abandonUserPull();
  }

  deliver(index: number, twice: boolean): void {
    const [event] = this.inFlight.splice(index % Math.max(1, this.inFlight.length), 1);
    for (let times = twice ? 2 : 1; event !== undefined && times > 0; times -= 1) this.take(this.replica.push([event]));
  }

  #satisfy(): void {
    for (let rounds = 0; this.#answer !== undefined || this.replica.needs().length > 0; rounds += 1) {
      if (rounds > 500) throw new Error(`it asks for ever: ${JSON.stringify(this.replica.needs())}`);
      this.ask();
      this.answer();
    }
  }

  async finish(): Promise<void> {
    this.breakOff();
    this.replica.needUser();
    for (const { id } of this.server.conversations) this.replica.look(id);
    this.#satisfy();
    for (const { id } of this.server.conversations) this.replica.look(id);
    this.#satisfy();
    await this.write();
  }

  async check(): Promise<void> {
    for (const conversation of this.server.conversations) {
      if (conversation.entry.version > 0) await this.#check(conversation);
    }
    const listed = this.server.conversations.filter(
      ({ entry: { version, member, hidden } }) => version && member && !hidden,
    );
    const order = (id: string) => this.shown(id)?.sortKey ?? 0n;
    for (const conversation of listed) {
      if (conversation.kind === "large") expect(order(conversation.id)).toBeGreaterThanOrEqual(conversation.entry.sort);
      else expect(order(conversation.id)).toBe(this.server.render(conversation, 0).sortKey);
    }
  }

  shown(id: string) {
    const record = this.replica.record(id);
    return record?.entry && foldEntry(record.entry, record.tail, me, record.head);
  }

  async #check(conversation: ModelConversation): Promise<void> {
    const { id, entry, kind } = conversation;
    const shown = this.shown(id);
    const wire = conversationFromWire(this.server.render(conversation, Number.POSITIVE_INFINITY));
    expect(shown?.member).toBe(entry.member);
    if (!entry.member || shown === undefined) return;
    expect(this.replica.conversationVersion(id)).toBe(conversation.version);
    // The version of the entry moves with every change; the conversation's version and the place of a large group do not reach it.
    const { version: _, conversationVersion: __, sortKey: ___, hidden, mentioned, ...seen } = shown;
    expect(seen).toMatchObject(pick(wire, seen));
    expect(seen.unread).toBe(conversation.unread());
    if (kind !== "large") expect({ hidden, mentioned }).toEqual({ hidden: wire.hidden, mentioned: wire.mentioned });
    const { messages, held } = await this.storage.messages(id, [1, conversation.messages.length]);
    const visible = new Map(conversation.visible().map((message) => [Number(message.seq), messageFromWire(message)]));
    const isHeld = (seq: number) => held.some(([from, to]) => seq >= from && seq <= to);
    const inSight = messages.filter(({ seq }) => seq > conversation.floor);
    for (const message of inSight.filter(({ seq }) => isHeld(seq))) expect(message).toEqual(visible.get(message.seq));
    const keptSeqs = new Set(inSight.map(({ seq }) => seq));
    for (const seq of visible.keys()) if (isHeld(seq)) expect(keptSeqs).toContain(seq);
    if (kind === "large") return;
    const cursor = this.replica.record(id)?.cursors.find(({ userId }) => userId === String(conversation.other.userId));
    expect(cursor?.readSeq ?? 0).toBe(Number(conversation.other.readSeq));
  }
}

function pick<T extends object>(from: T, like: object): Partial<T> {
  return Object.fromEntries(Object.entries(from).filter(([key]) => key in like)) as Partial<T>;
}

type Step = (harness: Harness) => void | Promise<void>;

function happens(what: (harness: Harness) => Event | undefined): Step {
  return (harness) => {
    const event = what(harness);
    if (event !== undefined) harness.inFlight.push(event);
  };
}

const which = fc.nat(2);
const any = fc.nat(1_000);
const share = fc.nat(100);
const sending: fc.Arbitrary<Sending> = fc.record({
  own: fc.boolean(),
  mention: fc.boolean(),
  noCount: fc.boolean(),
  noListMove: fc.boolean(),
});

function named<T extends unknown[]>(
  name: string,
  args: { [K in keyof T]: fc.Arbitrary<T[K]> },
  make: (...args: T) => Step,
) {
  return fc.tuple(...args).map((values) => {
    const step = make(...(values as unknown as T));
    return Object.assign(step, { [fc.toStringMethod]: () => `${name}(${JSON.stringify(values)})` });
  });
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: named("send", [which, sending], (c, how) => happens((h) => h.server.send(h.server.at(c), how))),
  },
  {
    weight: 4,
    arbitrary: named("change", [which, any, fc.boolean()], (c, at, recall) =>
      happens((h) => h.server.change(h.server.at(c), at, recall)),
    ),
  },
  {
    weight: 2,
    arbitrary: named("delete", [which, any], (c, at) => happens((h) => h.server.deleteForMe(h.server.at(c), at))),
  },
  { weight: 2, arbitrary: named("read", [which, share], (c, to) => happens((h) => h.server.read(h.server.at(c), to))) },
  {
    weight: 2,
    arbitrary: named("otherReads", [which, share], (c, to) => happens((h) => h.server.otherReads(h.server.at(c), to))),
  },
  {
    weight: 1,
    arbitrary: named("clear", [which, fc.boolean()], (c, hide) => happens((h) => h.server.clear(h.server.at(c), hide))),
  },
  {
    weight: 1,
    arbitrary: named("pin", [which, fc.boolean()], (c, pinned) =>
      happens((h) => h.server.set(h.server.at(c), { pinned })),
    ),
  },
  {
    weight: 1,
    arbitrary: named("hide", [which, fc.boolean()], (c, hidden) =>
      happens((h) => h.server.set(h.server.at(c), { hidden })),
    ),
  },
  {
    weight: 1,
    arbitrary: named("draft", [which, fc.string()], (c, draft) =>
      happens((h) => h.server.set(h.server.at(c), { draft })),
    ),
  },
  { weight: 1, arbitrary: named("rename", [which], (c) => happens((h) => h.server.rename(h.server.at(c)))) },
  {
    weight: 1,
    arbitrary: named("crowd", [which, fc.boolean()], (c, come) => happens((h) => h.server.crowd(h.server.at(c), come))),
  },
  { weight: 2, arbitrary: named("membership", [which], (c) => happens((h) => h.server.membership(h.server.at(c)))) },
  { weight: 14, arbitrary: named("deliver", [any, fc.boolean()], (at, twice) => (h) => h.deliver(at, twice)) },
  {
    weight: 2,
    arbitrary: named("drop", [any], (at) => (h) => void h.inFlight.splice(at % Math.max(1, h.inFlight.length), 1)),
  },
  { weight: 6, arbitrary: named("ask", [], () => (h) => h.ask()) },
  { weight: 6, arbitrary: named("answer", [], () => (h) => h.answer()) },
  { weight: 1, arbitrary: named("breakOff", [], () => (h) => h.breakOff()) },
  { weight: 3, arbitrary: named("write", [], () => (h) => h.write()) },
  { weight: 1, arbitrary: named("restart", [], () => (h) => h.start()) },
  { weight: 1, arbitrary: named("lagging", [], () => (h) => h.replica.needUser()) },
);

const HELLO = { own: false, mention: false, noCount: false, noListMove: false };

/** A client that has pulled everything of this conversation. */
async function settled(index: number, messages: number): Promise<[Harness, ModelConversation]> {
  const harness = new Harness(100);
  const conversation = harness.server.at(index);
  for (let count = 0; count < messages; count += 1) harness.server.send(conversation, HELLO);
  await harness.start();
  await harness.finish();
  return [harness, conversation];
}

function event(made: Event | undefined): Event {
  if (made === undefined) throw new Error("nothing happened");
  return made;
}

describe("what once went wrong", () => {
  it("a message that was deleted for me does not come back as the last one when it is edited", async () => {
    const [harness, conversation] = await settled(0, 2);
    harness.take(harness.replica.push([event(harness.server.deleteForMe(conversation, 1))]));
    harness.take(harness.replica.push([event(harness.server.change(conversation, 1, false))]));
    expect(harness.shown(conversation.id)?.lastMessage?.seq).toBe(1);
    await harness.finish();
    await harness.check();
    await harness.start();
    const changes = harness.replica.push([event(harness.server.change(conversation, 1, false))]);
    expect(changes.messages ?? []).toEqual([]);
  });

  it("a hole that opens while its conversation is being pulled is pulled too", async () => {
    const [harness, conversation] = await settled(0, 1);
    harness.server.send(conversation, HELLO);
    harness.take(harness.replica.push([event(harness.server.send(conversation, HELLO))]));
    harness.ask();
    harness.server.send(conversation, HELLO);
    harness.take(harness.replica.push([event(harness.server.send(conversation, HELLO))]));
    harness.answer();
    expect(harness.replica.needs()).toEqual([{ kind: "conversation", conversationId: conversation.id }]);
    harness.ask();
    harness.answer();
    expect(harness.replica.conversationVersion(conversation.id)).toBe(5);
    expect(harness.replica.needs()).toEqual([]);
  });

  it("a version that the server promised and does not have is asked for once", async () => {
    const [harness, conversation] = await settled(0, 1);
    const value = { conversationId: conversation.id, version: 99n };
    harness.take(harness.replica.push([create(EventSchema, { body: { case: "timeline", value } })]));
    harness.ask();
    harness.answer();
    expect(harness.replica.needs()).toEqual([]);
  });

  it("a push that is lost while the user timeline is being pulled asks for one more pull", async () => {
    const [harness] = await settled(0, 1);
    harness.replica.needUser();
    harness.ask();
    harness.replica.needUser();
    harness.answer();
    expect(harness.replica.needs()).toEqual([{ kind: "user" }]);
  });

  it("who is removed from a group, or added, asks what became of its entry; others see it renamed at once", async () => {
    const [harness, group] = await settled(1, 2);
    harness.take(harness.replica.push([event(harness.server.rename(group))]));
    harness.take(harness.replica.push([event(harness.server.crowd(group, true))]));
    expect(harness.shown(group.id)).toMatchObject({ title: group.name, memberCount: 3 });
    expect(harness.replica.needs()).toEqual([]);
    harness.take(harness.replica.push([event(harness.server.membership(group))]));
    expect(harness.replica.needs()).toEqual([{ kind: "user" }]);
    await harness.finish();
    expect(harness.shown(group.id)).toMatchObject({ member: false, lastSeq: 6, title: group.name, unread: 0 });
  });

  it("an answer that is older than what was folded into the entry does not make messages uncounted", async () => {
    const [harness, conversation] = await settled(0, 2);
    const old = harness.server.set(conversation, { pinned: true });
    for (let count = 0; count < 9; count += 1) {
      harness.take(harness.replica.push([event(harness.server.send(conversation, HELLO))]));
    }
    harness.take(harness.replica.push([event(old)]));
    expect(harness.shown(conversation.id)).toMatchObject({ pinned: true, unread: 11, lastSeq: 11 });
    await harness.finish();
    await harness.check();
  });

  it("a head that is older than a read of the same messages does not bring their count back", async () => {
    const [harness, group] = await settled(2, 3);
    harness.replica.needUser();
    harness.ask();
    harness.take(harness.replica.push([event(harness.server.read(group, 100))]));
    harness.answer();
    expect(harness.shown(group.id)?.unread).toBe(0);
  });

  it("a large group that is far behind starts over instead of pulling every change", async () => {
    const [harness, group] = await settled(2, 2);
    for (let count = 0; count < 50; count += 1) harness.server.send(group, HELLO);
    harness.replica.needUser();
    harness.ask();
    harness.answer();
    expect(harness.replica.needs()).toEqual([{ kind: "entry", conversationId: group.id }]);
    await harness.finish();
    await harness.check();
    expect(harness.shown(group.id)).toMatchObject({ lastSeq: 53, unread: 52 });
  });

  it("cursors that moved while nobody was told are asked for when the conversation is looked at", async () => {
    const [harness, conversation] = await settled(1, 2);
    harness.server.otherReads(conversation, 100);
    await harness.finish();
    await harness.check();
  });
});

describe("every interleaving converges to what the server has", () => {
  it("entries, messages, cursors, order", async () => {
    const runs = Number(process.env.SKEIN_REPLICA_RUNS ?? 200);
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 120, size: "max" }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, limit) => {
          const harness = new Harness(limit);
          await harness.start();
          for (const take of steps) await take(harness);
          // Late pushes come after everything else.
          while (harness.inFlight.length > 0) harness.deliver(0, false);
          await harness.finish();
          await harness.check();
          // What was written is enough to go on from.
          await harness.start();
          await harness.finish();
          await harness.check();
        },
      ),
      { numRuns: runs },
    );
  }, 240_000);
});
