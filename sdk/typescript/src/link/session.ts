/**
 * The client's end of a link, without I/O and without a clock: says hello or resumes, numbers requests, takes each push once and acks it, keeps the
 * link alive. Inputs are `handle…`, outputs are `poll…`. The Rust SDK's session has the same rules. When to reconnect is the link's business.
 */

import { create } from "@bufbuild/protobuf";
import { SkeinError } from "../error.js";
import { CloseCode, type Event, type Frame, FrameSchema, type GoAway, type Welcome } from "../gen/skein/v1/link_pb.js";
import type { RoomPush } from "../gen/skein/v1/room_pb.js";
import { Pace } from "./pace.js";

/** An ack waits this long for a frame to ride on. */
export const ACK_DELAY_MS = 20;
/** This many pushes are acked at once, without waiting. */
export const ACK_PUSHES_MAX = 16;
/** How long the server may take to answer the hello. */
export const WELCOME_TIMEOUT_MS = 10_000;
/** A link is dead when nothing came for this many heartbeats. */
const SILENT_HEARTBEATS_MAX = 2;
/** How long the server may take to prove that it is there, when that is in doubt. */
export const PROOF_TIMEOUT_MS = 5_000;
const HEARTBEAT_DEFAULT_MS = 30_000;
const REQUEST_ID_MAX = 0xffff_ffff;

/** What the owner of the session has to know. */
export type SessionEvent =
  /** The link works. `welcome.resumed` false: pull the user timeline. */
  | { readonly type: "ready"; readonly welcome: Welcome }
  /** The answer to a request. */
  | { readonly type: "response"; readonly id: number; readonly result: Uint8Array | SkeinError }
  /** Events, each once and in order. `lagging`: some are missing here, pull. */
  | { readonly type: "push"; readonly events: readonly Event[]; readonly lagging: boolean }
  /** What happened in a live room that was joined on this link. */
  | { readonly type: "room"; readonly push: RoomPush }
  | { readonly type: "goAway"; readonly goAway: GoAway }
  /** The server closed the link and said why. */
  | { readonly type: "closed"; readonly code: number; readonly text: string }
  /** The connection is gone; these requests were not answered. */
  | { readonly type: "lost"; readonly ids: readonly number[] };

/** One client session, over any number of connections. */
export class Session {
  #state: "disconnected" | "connecting" | "greeting" | "ready" = "disconnected";
  #sessionId: Uint8Array | undefined;
  #received = 0n;
  #acked = 0n;
  #nextId = 1;
  readonly #unanswered = new Set<number>();
  #waiting: Frame[] = [];
  #outgoing: Frame[] = [];
  #events: SessionEvent[] = [];
  #heartbeatMs = HEARTBEAT_DEFAULT_MS;
  /** What the server asks for by itself. */
  #baseHeartbeatMs = HEARTBEAT_DEFAULT_MS;
  readonly #pace = new Pace();
  /** A ping after a silence of a whole interval was not answered yet. */
  #silenceTested = false;
  /** The hello asked for another heartbeat than the server's own. */
  #wished = false;
  #lastSentMs = 0;
  #lastReceivedMs = 0;
  #ackDueMs: number | undefined;
  /** Something has to come by then, whatever the heartbeat is. */
  #proofDueMs: number | undefined;
  #nowMs = 0;

  constructor(private readonly client: string) {}

  /** Whether requests leave at once. */
  get ready(): boolean {
    return this.#state === "ready";
  }

  /** Forgets the session: the next hello starts a new one. */
  forget(): void {
    this.#sessionId = undefined;
    this.#received = 0n;
    this.#acked = 0n;
  }

  /** A connection is being made: it is given up like a hello that is not answered. */
  handleConnecting(nowMs: number): void {
    this.#tick(nowMs);
    if (this.#state !== "disconnected") return;
    this.#state = "connecting";
    this.#lastReceivedMs = nowMs;
  }

  /** A connection is there: says hello, with a resume when there is something to resume. */
  handleConnected(nowMs: number, token: string, background = false): void {
    this.#tick(nowMs);
    if (this.#state !== "connecting") this.handleDisconnected();
    this.#state = "greeting";
    this.#lastReceivedMs = nowMs;
    const resume = this.#sessionId && { sessionId: this.#sessionId, receivedLinkSeq: this.#received };
    const heartbeatMs = this.#pace.wishMs(this.#baseHeartbeatMs);
    this.#silenceTested = false;
    this.#wished = heartbeatMs > 0;
    const hello = { token, client: this.client, heartbeatMs, background, ...(resume === undefined ? {} : { resume }) };
    this.#outgoing.push(create(FrameSchema, { body: { case: "hello", value: hello } }));
  }

  /** The connection is gone. Unanswered requests are reported. */
  handleDisconnected(): void {
    if (this.#state === "disconnected") return;
    this.#state = "disconnected";
    this.#outgoing = [];
    this.#waiting = [];
    this.#ackDueMs = undefined;
    this.#proofDueMs = undefined;
    const ids = [...this.#unanswered];
    this.#unanswered.clear();
    this.#events.push({ type: "lost", ids });
  }

  /** Makes a request; it leaves with the next poll, or after the welcome. */
  request(method: string, body: Uint8Array): number {
    const id = this.#freeId();
    if (this.#state === "disconnected" || this.#state === "connecting") {
      this.#events.push({ type: "lost", ids: [id] });
      return id;
    }
    this.#unanswered.add(id);
    const frame = create(FrameSchema, { body: { case: "request", value: { id, method, body } } });
    (this.#state === "ready" ? this.#outgoing : this.#waiting).push(frame);
    return id;
  }

  #freeId(): number {
    let id = this.#nextId;
    while (this.#unanswered.has(id)) id = id === REQUEST_ID_MAX ? 1 : id + 1;
    this.#nextId = id === REQUEST_ID_MAX ? 1 : id + 1;
    return id;
  }

  /** Something came that is not a frame and shows that the server lives. */
  handleAlive(nowMs: number): void {
    this.#tick(nowMs);
    this.#lastReceivedMs = nowMs;
    this.#proofDueMs = undefined;
  }

  /** The connection may be dead without anybody having said so: asks for a sign of life soon. */
  handleDoubt(nowMs: number): void {
    this.#tick(nowMs);
    if (this.#state !== "ready") return;
    this.#proofDueMs ??= nowMs + PROOF_TIMEOUT_MS;
    this.#ping(nowMs);
  }

  #ping(nowMs: number, heartbeatMs = 0): void {
    this.#lastSentMs = nowMs;
    this.#outgoing.push(create(FrameSchema, { body: { case: "ping", value: { timeMs: BigInt(nowMs), heartbeatMs } } }));
  }

  /** Takes a frame of the server. False: the server sent what it must not; drop the connection. */
  handleFrame(nowMs: number, { body }: Frame): boolean {
    this.#tick(nowMs);
    this.#lastReceivedMs = nowMs;
    this.#proofDueMs = undefined;
    const ready = this.#state === "ready";
    switch (body.case) {
      case undefined:
        return true;
      case "pong":
        if (ready) this.#ponged(nowMs, body.value.heartbeatMs);
        return true;
      case "welcome":
        if (this.#state !== "greeting") return false;
        this.#welcomed(body.value);
        return true;
      case "response":
        if (!ready) return false;
        if (this.#unanswered.delete(body.value.id)) {
          const { id, error } = body.value;
          const result = error === undefined ? body.value.body : SkeinError.fromWire(error);
          this.#events.push({ type: "response", id, result });
        }
        return true;
      case "push":
        if (!ready) return false;
        this.#pushed(nowMs, body.value.linkSeq, body.value.events, body.value.lagging);
        return true;
      case "roomPush":
        if (!ready) return false;
        this.#events.push({ type: "room", push: body.value });
        return true;
      case "ping":
        if (!ready) return false;
        this.#outgoing.push(create(FrameSchema, { body: { case: "pong", value: { timeMs: body.value.timeMs } } }));
        return true;
      case "goAway":
        this.#events.push({ type: "goAway", goAway: body.value });
        return true;
      case "close": {
        const code = body.value.code === CloseCode.UNSPECIFIED ? CloseCode.INTERNAL : body.value.code;
        this.#events.push({ type: "closed", code, text: body.value.text });
        return true;
      }
      default:
        return false;
    }
  }

  #welcomed(welcome: Welcome): void {
    this.#state = "ready";
    if (!welcome.resumed) {
      this.#received = 0n;
      this.#acked = 0n;
    }
    this.#sessionId = welcome.sessionId.length > 0 ? welcome.sessionId : undefined;
    if (welcome.heartbeatMs > 0) {
      this.#heartbeatMs = welcome.heartbeatMs;
      if (!this.#wished) this.#baseHeartbeatMs = welcome.heartbeatMs;
    }
    this.#outgoing.push(...this.#waiting);
    this.#waiting = [];
    this.#events.push({ type: "ready", welcome });
  }

  /** A silence was survived, or a wish for another heartbeat answered. */
  #ponged(nowMs: number, grantedMs: number): void {
    const wishMs = this.#pace.wishMs(this.#baseHeartbeatMs);
    if (this.#silenceTested) {
      this.#silenceTested = false;
      if (this.#pace.held()) this.#ping(nowMs, this.#pace.wishMs(this.#baseHeartbeatMs));
    } else if (wishMs > 0 && wishMs !== this.#heartbeatMs) {
      if (grantedMs < wishMs) this.#pace.lost();
      if (grantedMs > 0) this.#heartbeatMs = grantedMs;
    }
  }

  #pushed(nowMs: number, linkSeq: bigint, events: readonly Event[], declared: boolean): void {
    if (linkSeq <= this.#received) {
      // Taken before the connection was lost, and its ack was lost with it.
      this.#ackDueMs = nowMs;
      return;
    }
    // A hole that the server did not declare cannot happen; if it does, a pull heals it.
    const lagging = declared || linkSeq !== this.#received + 1n;
    this.#received = linkSeq;
    const due = this.#received - this.#acked >= BigInt(ACK_PUSHES_MAX) ? nowMs : nowMs + ACK_DELAY_MS;
    this.#ackDueMs = Math.min(this.#ackDueMs ?? due, due);
    this.#events.push({ type: "push", events, lagging });
  }

  /** Time has passed: sends an ack or a heartbeat that is due, gives up a silent connection. */
  handleTimeout(nowMs: number): void {
    this.#tick(nowMs);
    if (this.#state === "disconnected") return;
    if (this.#deadMs() <= nowMs) {
      if (this.#silenceTested) this.#pace.lost();
      this.handleDisconnected();
    } else if (this.#ackDueMs !== undefined && this.#ackDueMs <= nowMs) {
      this.#ackDueMs = undefined;
      this.#acked = this.#received;
      this.#outgoing.push(create(FrameSchema, { ack: this.#received }));
    } else if (this.#state === "ready" && this.#lastSentMs + this.#heartbeatMs <= nowMs) {
      this.#silenceTested = true;
      this.#ping(nowMs);
    }
  }

  /** The next frame to write; the ack rides on whatever leaves. */
  pollFrame(nowMs: number): Frame | undefined {
    const frame = this.#outgoing.shift();
    if (frame === undefined) return undefined;
    this.#tick(nowMs);
    this.#lastSentMs = nowMs;
    if (this.#state === "ready" && (this.#received > this.#acked || this.#ackDueMs !== undefined)) {
      frame.ack = this.#received;
      this.#acked = this.#received;
      this.#ackDueMs = undefined;
    }
    return frame;
  }

  /** The next thing to know. */
  pollEvent(): SessionEvent | undefined {
    return this.#events.shift();
  }

  /** When to call `handleTimeout` at the latest; undefined while disconnected. */
  pollTimeout(): number | undefined {
    if (this.#state === "disconnected") return undefined;
    const heartbeat = this.#state === "ready" ? this.#lastSentMs + this.#heartbeatMs : Number.POSITIVE_INFINITY;
    return Math.min(this.#deadMs(), heartbeat, this.#ackDueMs ?? Number.POSITIVE_INFINITY);
  }

  /** When the clock is set back, what was planned moves back with it. */
  #tick(nowMs: number): void {
    const back = this.#nowMs - nowMs;
    this.#nowMs = nowMs;
    if (back <= 0) return;
    this.#lastSentMs -= back;
    this.#lastReceivedMs -= back;
    if (this.#ackDueMs !== undefined) this.#ackDueMs -= back;
    if (this.#proofDueMs !== undefined) this.#proofDueMs -= back;
  }

  #deadMs(): number {
    const patience = this.#state === "ready" ? this.#heartbeatMs * SILENT_HEARTBEATS_MAX : WELCOME_TIMEOUT_MS;
    return Math.min(this.#lastReceivedMs + patience, this.#proofDueMs ?? Number.POSITIVE_INFINITY);
  }
}
