/** Where a client stands in a live room: takes answers and pushes, and says what is new. Each message comes once; what does not come is counted. */

import type { JoinRoomResponse, RoomPush, RoomMessage as WireMessage } from "../gen/skein/v1/room_pb.js";
import { RoomPriority as WirePriority } from "../gen/skein/v1/room_pb.js";

/** What is left out first when there is too much. */
export type RoomPriority = "low" | "normal" | "high";

export interface RoomMessage {
  readonly offset: number;
  /** "0": the host application. */
  readonly userId: string;
  /** The application's own word; empty: a line of text. */
  readonly kind: string;
  readonly text: string;
  readonly data: Uint8Array;
  readonly priority: RoomPriority;
  readonly timeMs: number;
}

/** What is new. */
export interface RoomNews {
  readonly messages: readonly RoomMessage[];
  /** Messages that did not come here. */
  readonly lost: number;
  /** Messages that nobody gets. */
  readonly sampled: number;
  /** Another server keeps the room from now on: what the former one had not sent is gone. */
  readonly moved: boolean;
  readonly online: number | undefined;
  readonly counters: Readonly<Record<string, number>>;
  readonly closed: boolean;
}

const PRIORITIES: Readonly<Record<WirePriority, RoomPriority>> = {
  [WirePriority.UNSPECIFIED]: "normal",
  [WirePriority.LOW]: "low",
  [WirePriority.NORMAL]: "normal",
  [WirePriority.HIGH]: "high",
};

export class Place {
  #epoch = 0n;
  /** Of the next message; 0 before the room was joined. */
  #offset = 0n;

  /** What the server has to know to let us go on. */
  get before(): { readonly epoch: bigint; readonly offset: bigint } {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  joined(answer: JoinRoomResponse): RoomNews {
    const same = answer.epoch === this.#epoch;
    const moved = this.#offset > 0n && !same;
    const known = same ? this.#offset : 0n;
    this.#epoch = answer.epoch;
    this.#offset = answer.offset;
    return {
      messages: answer.recent.filter(({ offset }) => offset >= known).map(fromWire),
      lost: Number(answer.lost),
      sampled: 0,
      moved,
      online: Number(answer.onlineCount),
      counters: countersOf(answer.counters),
      closed: false,
    };
  }

  pushed(push: RoomPush): RoomNews {
    const moved = push.epoch !== this.#epoch;
    const expected = moved ? push.firstOffset : this.#offset;
    // What the server did not declare cannot be missing; if it is, it is lost all the same.
    const gap = push.firstOffset > expected ? push.firstOffset - expected : 0n;
    const next = push.firstOffset + BigInt(push.messages.length) + push.sampled;
    this.#epoch = push.epoch;
    if (moved || next > this.#offset) this.#offset = next;
    return {
      messages: push.messages.filter(({ offset }) => offset >= expected).map(fromWire),
      lost: Number(gap > push.lost ? gap : push.lost),
      sampled: Number(push.sampled),
      moved,
      online: push.onlineCount === undefined ? undefined : Number(push.onlineCount),
      counters: countersOf(push.counters),
      closed: push.closed,
    };
  }
}

function fromWire(message: WireMessage): RoomMessage {
  return {
    offset: Number(message.offset),
    userId: message.userId.toString(),
    kind: message.kind,
    text: message.text,
    data: message.data,
    priority: PRIORITIES[message.priority] ?? "normal",
    timeMs: Number(message.timeMs),
  };
}

function countersOf(counters: readonly { readonly name: string; readonly value: bigint }[]): Record<string, number> {
  return Object.fromEntries(counters.map(({ name, value }) => [name, Number(value)]));
}
