/** A live room: joins, joins again by itself after the connection was lost, and tells what happens. */

import { Emitter } from "../emitter.js";
import { asSkeinError, SkeinError } from "../error.js";
import type { RoomPush } from "../gen/skein/v1/room_pb.js";
import { RoomService, RoomPriority as WirePriority } from "../gen/skein/v1/room_pb.js";
import { type Observable, Value } from "../observable.js";
import { uuidV7 } from "../uuid.js";
import { Place, type RoomMessage, type RoomNews, type RoomPriority } from "./place.js";
import type { RoomLink } from "./room_link.js";

/** Pushes that may come before the answer to the join. */
const EARLY_MAX = 256;
/** Waits before a join is tried again that the server could not take just then. */
const AGAIN_MS = 500;

/** `away`: it was joined, and will be again when there is a connection. */
export type RoomState = "out" | "joining" | "joined" | "away" | "closed";

export interface RoomEvents {
  /** In order, each once; several at a time when there is much. */
  readonly messages: readonly RoomMessage[];
  /** So many did not come here: they were read too slowly, or the connection was gone for too long. */
  readonly lost: { readonly count: number };
  /** So many were left out for everybody. */
  readonly sampled: { readonly count: number };
  /** Another server keeps the room from now on; what the former one had not sent is gone. */
  readonly moved: Record<string, never>;
  /** The room was closed, or the server does not let us in any more. */
  readonly closed: { readonly reason: string };
}

export interface RoomContent {
  readonly kind?: string;
  readonly text?: string;
  readonly data?: Uint8Array;
  readonly priority?: RoomPriority;
}

const PRIORITIES: Readonly<Record<RoomPriority, WirePriority>> = {
  low: WirePriority.LOW,
  normal: WirePriority.NORMAL,
  high: WirePriority.HIGH,
};

export class Room {
  readonly #emitter = new Emitter<RoomEvents>();
  readonly #state = new Value<RoomState>("out");
  readonly #online = new Value(0);
  readonly #counters = new Value<Readonly<Record<string, number>>>({});
  readonly #lost = new Value(0);
  #place = new Place();
  /** Goes up with every join and leave. */
  #visit = 0;
  /** Pushes that came while a join was not answered. */
  #early: RoomPush[] | undefined;
  /** The join that is not answered yet. */
  #entering: Promise<void> | undefined;

  constructor(
    readonly id: string,
    private readonly link: RoomLink,
  ) {}

  get state(): Observable<RoomState> {
    return this.#state;
  }
  /** How many people are there. */
  get online(): Observable<number> {
    return this.#online;
  }
  get counters(): Observable<Readonly<Record<string, number>>> {
    return this.#counters;
  }
  /** How many messages did not come here, since the room was joined. */
  get lost(): Observable<number> {
    return this.#lost;
  }

  /** Returns the unsubscribe. */
  on<Name extends keyof RoomEvents>(name: Name, listener: (event: RoomEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Goes in; at most `replay` of the last messages come first. Being there already changes nothing. */
  async join(replay = 0): Promise<void> {
    if (this.#state.current === "joined" || this.#state.current === "joining") return;
    this.#place = new Place();
    this.#lost.set(0);
    this.#state.set("joining");
    this.link.add(this);
    const visit = this.#begin();
    try {
      await this.link.ready();
      await this.#enter(replay);
    } catch (thrown) {
      if (visit !== this.#visit) throw thrown;
      this.#state.set("out");
      this.link.remove(this);
      throw thrown;
    }
  }

  /** Goes out. */
  async leave(): Promise<void> {
    if (this.#state.current === "out") return;
    this.#state.set("out");
    // Whoever joins now is on another visit and asks again, behind the goodbye.
    const visit = this.#begin();
    await this.link.call(RoomService.method.leaveRoom, { roomId: this.id }).catch(() => {});
    if (visit === this.#visit) this.link.remove(this);
  }

  /** Says something; resolves when it is on its way to everybody. False: there was too much at once, and nobody gets it. */
  async send(content: string | RoomContent): Promise<boolean> {
    const {
      kind = "",
      text = "",
      data = new Uint8Array(),
      priority = "normal",
    } = typeof content === "string" ? { text: content } : content;
    const clientMessageId = uuidV7();
    const wanted = { roomId: this.id, clientMessageId, kind, text, data, priority: PRIORITIES[priority] };
    const said = await this.#inside(() => this.link.call(RoomService.method.sendToRoom, wanted));
    return !said.sampled;
  }

  /** Adds to a counter, such as likes; everybody gets the sum. */
  async count(counter: string, delta = 1): Promise<void> {
    await this.#inside(() => this.link.call(RoomService.method.countInRoom, { roomId: this.id, counter, delta }));
  }

  /** Of the link: a session that is in no room yet. */
  async rejoin(): Promise<void> {
    if (this.#state.current !== "joined" && this.#state.current !== "away") return;
    const visit = this.#visit;
    try {
      await this.#enter(0);
    } catch (thrown) {
      if (visit !== this.#visit) return;
      const error = asSkeinError(thrown);
      if (error.code === "OFFLINE" || error.code === "CLOSED") return;
      if (error.retryable) setTimeout(() => void this.rejoin(), Math.max(AGAIN_MS, error.retryAfterMs));
      else this.#close(error.message);
    }
  }

  /** Of the link: there is no connection. */
  away(): void {
    if (this.#state.current === "joined") this.#state.set("away");
  }

  /** Of the link: the session goes on, and with it its places in rooms. */
  back(): void {
    if (this.#state.current === "away") this.#state.set("joined");
  }

  /** Of the link: something happened here. */
  pushed(push: RoomPush): void {
    if (this.#early !== undefined && this.#early.length < EARLY_MAX) this.#early.push(push);
    else if (this.#state.current !== "out") this.#tell(this.#place.pushed(push));
  }

  /** On a new session a call may come before we are in the room again: then we enter first. */
  async #inside<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (thrown) {
      const mayEnter = this.#state.current === "joined" || this.#state.current === "away";
      if (asSkeinError(thrown).code !== "NOT_IN_ROOM" || !mayEnter) throw thrown;
      await this.#enter(0);
      return call();
    }
  }

  /** Another visit, or the time after one; its number. What the one before was waiting for is not of it. */
  #begin(): number {
    this.#entering = undefined;
    this.#early = undefined;
    return ++this.#visit;
  }

  #enter(replayMax: number): Promise<void> {
    const visit = this.#visit;
    this.#entering ??= this.#ask(replayMax).finally(() => {
      if (visit === this.#visit) this.#entering = undefined;
    });
    return this.#entering;
  }

  async #ask(replayMax: number): Promise<void> {
    this.#early ??= [];
    const visit = this.#visit;
    const wanted = { roomId: this.id, replayMax, ...this.#place.before };
    const answer = await this.link.call(RoomService.method.joinRoom, wanted);
    if (visit !== this.#visit) throw new SkeinError("CANCELLED", "the room was left");
    this.#state.set("joined");
    this.#tell(this.#place.joined(answer));
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const push of early) this.pushed(push);
  }

  #tell(news: RoomNews): void {
    if (news.moved) this.#emitter.emit("moved", {});
    if (news.lost > 0) {
      this.#lost.set(this.#lost.current + news.lost);
      this.#emitter.emit("lost", { count: news.lost });
    }
    if (news.messages.length > 0) this.#emitter.emit("messages", news.messages);
    if (news.sampled > 0) this.#emitter.emit("sampled", { count: news.sampled });
    if (news.online !== undefined) this.#online.set(news.online);
    if (Object.keys(news.counters).length > 0) this.#counters.set({ ...this.#counters.current, ...news.counters });
    if (news.closed) this.#close("the room was closed");
  }

  #close(reason: string): void {
    this.#state.set("closed");
    this.link.remove(this);
    this.#emitter.emit("closed", { reason });
  }
}
