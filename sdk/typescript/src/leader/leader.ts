/** What the tab that leads does for all: holds the link, merges, pulls, sends, reports. */

import { fromBinary } from "@bufbuild/protobuf";
import type { Caller } from "../caller.js";
import { AccountService } from "../gen/skein/v1/account_pb.js";
import { ConversationEntrySchema } from "../gen/skein/v1/conversation_pb.js";
import type { Event, Limits, Welcome } from "../gen/skein/v1/link_pb.js";
import type { CloseReason } from "../link/close_code.js";
import { Link, type LinkOptions } from "../link/link.js";
import type { TransportName } from "../link/transport.js";
import { messageFromWire } from "../model/convert.js";
import type { Message } from "../model/message.js";
import type { Presence } from "../presence/presence.js";
import { Watcher } from "../presence/watcher.js";
import { Replica } from "../replica/replica.js";
import { type Signal, signalFromWire } from "../signal/signal.js";
import type { ConnectionStatus } from "../status.js";
import type { Changes, Intent, Storage, Stored } from "../storage/storage.js";
import { Courier } from "./courier.js";
import { Puller } from "./puller.js";
import { Reporter } from "./reporter.js";

/** In larger groups nobody is told who has received what. */
const DELIVERED_MEMBERS_MAX = 256;
/** Steps that wait for a storage that refuses to write. Beyond it nothing more is written: what is there stays whole, and old. */
const UNWRITTEN_MAX = 1_000;

/** New messages that wait for their conversations. */
const ANNOUNCED_MAX = 64;

export interface LeaderEvents {
  /** To be shown here and in the other tabs. `live`: new messages of others. */
  readonly changed: (changes: Changes, live: readonly Message[]) => void;
  readonly signals: (signals: readonly Signal[]) => void;
  readonly presence: (presences: readonly Presence[]) => void;
  readonly status: (status: ConnectionStatus) => void;
  readonly outboxChanged: () => void;
  readonly draftTold: (conversationId: string, text: string) => void;
  readonly welcome: (limits: Limits | undefined, serverTimeMs: number) => void;
  /** The storage does not take any more; shown, not kept. */
  readonly storageFailed: (error: unknown) => void;
}

export class Leader {
  readonly #link: Link;
  readonly #replica: Replica;
  readonly #puller: Puller;
  readonly #courier: Courier;
  readonly #reporter: Reporter;
  readonly #watcher: Watcher;
  /** Writes go one after the other, in the order of the changes. */
  #written: Promise<void> = Promise.resolve();
  #unwritten: Changes[] = [];
  #stopped = false;
  #transport: TransportName | undefined;
  #announced: readonly Message[] = [];
  /** Pushes were missed, and not all that follows from it was asked for. */
  #missed = false;
  /** Since the last welcome, everything was pulled once. */
  #caughtUp = false;
  #serverAheadMs = 0;

  constructor(
    private readonly me: string,
    private readonly caller: Caller,
    private readonly storage: Storage,
    stored: Stored,
    link: Omit<LinkOptions, "renew">,
    private readonly events: LeaderEvents,
  ) {
    this.#replica = new Replica(me, stored);
    this.#puller = new Puller(caller, this.#replica, {
      commit: (changes) => {
        this.#commit(changes, this.#takeListed());
        this.#reportDelivered(changes);
      },
      progress: (done, total) => this.#syncing(done, total),
      idle: () => this.#online(),
    });
    this.#courier = new Courier(me, caller, storage, {
      sent: (message) => {
        this.#commit(this.#replica.mergeMessages([message]));
        this.#puller.wake(true);
        return this.written();
      },
      failed: () => events.outboxChanged(),
    });
    this.#reporter = new Reporter(caller, storage, {
      answered: (entry) => this.#commit(this.#replica.mergeEntries([entry])),
      draftTold: (conversationId, text) => events.draftTold(conversationId, text),
    });
    for (const intent of stored.intents) this.#reporter.add(intent);
    this.#watcher = new Watcher(caller, (presences) => events.presence(presences));
    this.#link = new Link(
      { ...link, renew: (token) => this.#renew(token) },
      {
        connecting: (attempt) => this.#down({ state: "connecting", attempt }),
        waiting: (attempt, retryAtMs) => this.#down({ state: "waiting", attempt, retryAtMs, offline: isOffline() }),
        ready: (welcome, transport) => this.#ready(welcome, transport),
        push: (pushed, lagging) => this.#push(pushed, lagging),
        closed: (code, text) => this.#closed(code, text),
      },
    );
    caller.link = this.#link;
  }

  start(): void {
    this.#link.connect();
  }

  /** The browser says that the network is there again, or gone. */
  networkChanged(): void {
    if (isOffline()) this.#link.reconnect();
    else this.#link.check();
  }

  /** Somebody does not want to wait for the next try. */
  tryNow(): void {
    this.#link.check();
  }

  /** There may be something to send. */
  wakeCourier(): void {
    void this.#courier.wake();
  }

  intend(intent: Intent): void {
    this.#reporter.add(intent);
  }

  /** Answers to operations of this tab or another. */
  absorb(entries: readonly Uint8Array[], messages: readonly Message[]): void {
    const wire = entries.map((bytes) => fromBinary(ConversationEntrySchema, bytes));
    if (wire.length > 0) this.#commit(this.#replica.mergeEntries(wire));
    if (messages.length > 0) this.#commit(this.#replica.mergeMessages(messages));
    this.#puller.wake(true);
  }

  /** A tab shows these people. */
  watch(userIds: readonly string[]): void {
    this.#watcher.watch(userIds);
  }

  /** Somebody looks at this conversation. */
  look(conversationId: string): void {
    this.#replica.look(conversationId);
    this.#puller.wake();
  }

  /** Something of the user's own timeline was changed here: what came of it is asked for. */
  pullUser(): void {
    this.#replica.needUser();
    this.#puller.wake();
  }

  /** Resolves when everything so far is in the storage. */
  written(): Promise<void> {
    return this.#written;
  }

  stop(): void {
    this.#stopped = true;
    this.#puller.stop();
    this.#courier.stop();
    this.#reporter.stop();
    this.#link.stop();
    this.#watcher.down();
    this.caller.link = undefined;
    this.caller.sessionId = undefined;
  }

  #ready(welcome: Welcome, transport: TransportName): void {
    this.#transport = transport;
    this.caller.sessionId = welcome.sessionId;
    this.#watcher.ready(welcome.resumed);
    this.#serverAheadMs = Number(welcome.serverTimeMs) - Date.now();
    this.events.welcome(welcome.limits, Number(welcome.serverTimeMs));
    if (!welcome.resumed) {
      this.#replica.needUser();
      this.#missed = true;
    }
    if (this.#replica.needs().length > 0) {
      this.#say({ state: "syncing", done: 0, total: 0 });
      this.#puller.wake();
    } else {
      this.#online();
    }
    this.#courier.setOnline(true);
    this.#reporter.setOnline(true);
  }

  /** Only what was missed is shown as syncing, not the repair of a hole while everything works. */
  #syncing(done: number, total: number): void {
    if (!this.#caughtUp) this.#say({ state: "syncing", done, total });
  }

  #online(): void {
    if (this.#missed) {
      // The list is right by now; how far others have read is not told by versions.
      this.#missed = false;
      this.#replica.lookAtTicks();
      this.#puller.wake();
    }
    this.#caughtUp = this.#transport !== undefined;
    if (this.#transport !== undefined) this.#say({ state: "online", transport: this.#transport });
  }

  #down(status: ConnectionStatus): void {
    this.#transport = undefined;
    this.#caughtUp = false;
    this.#watcher.down();
    this.#courier.setOnline(false);
    this.#reporter.setOnline(false);
    this.#say(status);
  }

  #closed(code: CloseReason, text: string): void {
    this.#down({ state: "closed", code, text });
    this.stop();
  }

  #say(status: ConnectionStatus): void {
    // Pulls that end after the connection did have nothing to say of it.
    if (status.state === "syncing" && this.#transport === undefined) return;
    this.events.status(status);
  }

  #push(events: readonly Event[], lagging: boolean): void {
    if (lagging) {
      this.#replica.needUser();
      this.#watcher.again();
    }
    for (const { body } of events) if (body.case === "presence") this.#watcher.take(body.value.presences);
    const live = events.flatMap(({ body }) => {
      const message = body.case === "message" && body.value.message;
      return message && this.#isNew(message.conversationId, Number(message.seq)) ? [messageFromWire(message)] : [];
    });
    const signals = events.flatMap(({ body }) => (body.case === "signal" ? [signalFromWire(body.value)] : []));
    if (signals.length > 0) this.events.signals(signals);
    const changes = this.#replica.push(events);
    const others = live.filter(({ senderId }) => senderId !== this.me && senderId !== "0");
    this.#announced = [...this.#announced, ...others];
    this.#commit(changes, this.#takeListed());
    this.#reportDelivered(changes);
    this.#puller.wake(!lagging);
  }

  /** New messages whose conversations are known by now. Those of a conversation that has just begun wait for the pull that brings it. */
  #takeListed(): readonly Message[] {
    const isListed = ({ conversationId }: Message) => this.#replica.record(conversationId)?.entry !== undefined;
    const listed = this.#announced.filter(isListed);
    this.#announced = this.#announced.filter((message) => !isListed(message)).slice(-ANNOUNCED_MAX);
    return listed;
  }

  #isNew(conversationId: string, seq: number): boolean {
    const record = this.#replica.record(conversationId);
    return seq > Math.max(record?.entry?.lastSeq ?? 0, record?.tail.at(-1)?.seq ?? 0, record?.head?.lastSeq ?? 0);
  }

  #reportDelivered(changes: Changes): void {
    for (const { conversationId, entry, tail } of changes.conversations ?? []) {
      if (entry === undefined || !entry.member || entry.kind === "self") continue;
      if (entry.kind === "group" && entry.memberCount > DELIVERED_MEMBERS_MAX) continue;
      const last = tail.at(-1) ?? entry.lastMessage;
      if (last !== undefined && last.senderId !== this.me && last.seq > entry.readSeq) {
        this.#reporter.delivered(conversationId, last.seq);
      }
    }
  }

  #commit(changes: Changes, live: readonly Message[] = []): void {
    // What an answer says that comes after the end is learnt by the next pull.
    if (this.#stopped || (Object.keys(changes).length === 0 && live.length === 0)) return;
    this.events.changed(changes, live);
    if (this.#unwritten.length > UNWRITTEN_MAX) return;
    this.#unwritten.push(changes);
    this.#written = this.#written.then(() => this.#write());
  }

  /** Step by step and in order, so that the storage is as of some moment whatever fails. */
  async #write(): Promise<void> {
    try {
      for (let next = this.#unwritten[0]; next !== undefined; next = this.#unwritten[0]) {
        await this.storage.apply(next);
        this.#unwritten.shift();
      }
    } catch (error) {
      this.events.storageFailed(error);
    }
  }

  async #renew(accessToken: string): Promise<number> {
    const { tokenExpiresMs } = await this.caller.call(AccountService.method.renewLink, { accessToken });
    return Number(tokenExpiresMs) - (Date.now() + this.#serverAheadMs);
  }
}

function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}
