/** For tests: the server's end of a session as small as can be, and frames by hand. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Event, EventSchema, type Frame, FrameSchema } from "../src/gen/skein/v1/link_pb.js";

/** A frame of this body. */
export function frame(body: NonNullable<MessageInitShape<typeof FrameSchema>["body"]>): Frame {
  return create(FrameSchema, { body });
}

export function welcome(change: { resumed?: boolean; session?: number; heartbeatMs?: number } = {}): Frame {
  const { resumed = false, session = 1, heartbeatMs = 1_000 } = change;
  return frame({ case: "welcome", value: { sessionId: Uint8Array.of(session), resumed, heartbeatMs } });
}

/** A push whose only event is a hint with the number as its version. */
export function push(linkSeq: number, change: { lagging?: boolean; version?: number } = {}): Frame {
  const { lagging = false, version = linkSeq } = change;
  return frame({ case: "push", value: { linkSeq: BigInt(linkSeq), lagging, events: [hint(version)] } });
}

export function hint(version: number): Event {
  return create(EventSchema, { body: { case: "timeline", value: { version: BigInt(version) } } });
}

/** The numbers in hints. */
export function numbersOf(events: readonly Event[]): number[] {
  return events.flatMap(({ body }) => (body.case === "timeline" ? [Number(body.value.version)] : []));
}

/** Numbers pushes, keeps the unacked, resumes; loses the oldest when more than `keep` wait, and says so. */
export class ServerEnd {
  #pushed = 0;
  #acked = 0;
  #unacked: { linkSeq: number; version: number; lagging: boolean }[] = [];
  #lagging = false;
  #greeted = false;
  #out: Frame[] = [];
  #sessions = 0;
  #alive = false;

  constructor(private readonly keep: number) {}

  /** Something happens that the client should learn. */
  announce(version: number): void {
    if (!this.#alive) return;
    if (this.#unacked.length >= this.keep) {
      this.#unacked = [];
      this.#lagging = true;
    }
    this.#pushed += 1;
    const pushed = { linkSeq: this.#pushed, version, lagging: this.#lagging };
    this.#lagging = false;
    this.#unacked.push(pushed);
    if (this.#greeted) this.#out.push(push(pushed.linkSeq, pushed));
  }

  /** Takes a frame; false when the client broke the protocol. */
  take(taken: Frame): boolean {
    const { body } = taken;
    if (body.case === "hello") return this.#greet(body.value.resume);
    if (!this.#greeted || Number(taken.ack) > this.#pushed) return false;
    if (taken.ack > 0n) this.#acknowledge(Number(taken.ack));
    if (body.case === "ping") this.#out.push(frame({ case: "pong", value: { timeMs: body.value.timeMs } }));
    if (body.case === "request") {
      this.#out.push(frame({ case: "response", value: { id: body.value.id, body: body.value.body } }));
    }
    return true;
  }

  /** The next frame to the client. */
  give(): Frame | undefined {
    return this.#out.shift();
  }

  /** The connection is gone; with `forget`, the session too. */
  cut(forget: boolean): void {
    this.#greeted = false;
    this.#out = [];
    if (forget) this.#alive = false;
  }

  #greet(resume: { sessionId: Uint8Array; receivedLinkSeq: bigint } | undefined): boolean {
    if (this.#greeted) return false;
    this.#greeted = true;
    const received = Number(resume?.receivedLinkSeq ?? 0n);
    const known = this.#alive && resume?.sessionId[0] === this.#sessions;
    const resumed = known && received >= this.#acked && received <= this.#pushed;
    if (!resumed) {
      this.#sessions += 1;
      this.#alive = true;
      this.#pushed = 0;
      this.#acked = 0;
      this.#unacked = [];
      this.#lagging = false;
    } else this.#acknowledge(received);
    this.#out.push(welcome({ resumed, session: this.#sessions }));
    for (const pushed of this.#unacked) this.#out.push(push(pushed.linkSeq, pushed));
    return true;
  }

  #acknowledge(ack: number): void {
    this.#acked = Math.max(this.#acked, ack);
    this.#unacked = this.#unacked.filter(({ linkSeq }) => linkSeq > this.#acked);
  }
}
