/**
 * The link that carries live rooms. A tab that is in a room has one of its own, beside the one of the tab that leads: what happens in a room is much,
 * it concerns this tab only, and nothing of it is kept. It is opened with the first room, and closed with the last.
 */

import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { callOverHttp, type HttpTransport } from "../call.js";
import { SkeinError } from "../error.js";
import { AccountService } from "../gen/skein/v1/account_pb.js";
import type { RoomPush } from "../gen/skein/v1/room_pb.js";
import { Link, type LinkOptions } from "../link/link.js";
import { Room } from "./room.js";

/** How long whoever wants to join waits for a connection. */
const READY_MS = 30_000;

export interface RoomLinkOptions extends Omit<LinkOptions, "renew"> {
  readonly http: HttpTransport;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: SkeinError) => void;
}

export class RoomLink {
  readonly #all = new Map<string, Room>();
  readonly #inside = new Set<Room>();
  #link: Link | undefined;
  /** Of the present link, or the last one. */
  #made: RoomLinkOptions | undefined;
  #sessionId: Uint8Array | undefined;
  #serverAheadMs = 0;
  #waiting: Waiting[] = [];

  constructor(private readonly options: () => RoomLinkOptions) {}

  /** Always the same object for an id. */
  room(id: string): Room {
    const room = this.#all.get(id) ?? new Room(id, this);
    this.#all.set(id, room);
    return room;
  }

  add(room: Room): void {
    this.#inside.add(room);
    if (this.#link !== undefined) return;
    this.#made = this.options();
    this.#link = new Link(
      { ...this.#made, renew: (accessToken) => this.#renew(accessToken) },
      {
        connecting: () => this.#down(),
        waiting: () => this.#down(),
        ready: ({ sessionId, resumed, serverTimeMs }) => {
          this.#serverAheadMs = Number(serverTimeMs) - Date.now();
          this.#up(sessionId, resumed);
        },
        // The link of the tab that leads has them, too.
        push: () => {},
        room: (push) => this.#pushed(push),
        closed: (_, text) => {
          this.#link = undefined;
          this.#down();
          this.#fail(new SkeinError("CLOSED", text));
        },
      },
    );
    this.#link.connect();
  }

  remove(room: Room): void {
    this.#inside.delete(room);
    if (this.#inside.size === 0) this.stop();
  }

  stop(): void {
    this.#link?.stop();
    this.#link = undefined;
    this.#down();
    this.#fail(SkeinError.closed());
  }

  /** Resolves when there is a session. */
  ready(): Promise<void> {
    if (this.#sessionId !== undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(SkeinError.offline()), READY_MS);
      const stop = () => clearTimeout(timer);
      this.#waiting.push({
        resolve: () => {
          stop();
          resolve();
        },
        reject: (error) => {
          stop();
          reject(error);
        },
      });
    });
  }

  /** Throws `SkeinError`: `OFFLINE` while there is no connection. */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    if (this.#link === undefined || this.#made === undefined || this.#sessionId === undefined)
      throw SkeinError.offline();
    if (this.#link.carriesRequests) {
      const service = method.parent.typeName.split(".").pop();
      const body = toBinary(method.input, create(method.input, input));
      return fromBinary(method.output, await this.#link.request(`${service}/${method.name}`, body));
    }
    const { http, tokens } = this.#made;
    return callOverHttp(http, method, input, await tokens({ rejected: undefined }), this.#sessionId);
  }

  #up(sessionId: Uint8Array, resumed: boolean): void {
    this.#sessionId = sessionId;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one.resolve();
    for (const room of this.#inside) {
      if (resumed) room.back();
      else void room.rejoin();
    }
  }

  #down(): void {
    this.#sessionId = undefined;
    for (const room of this.#inside) room.away();
  }

  #pushed(push: RoomPush): void {
    const room = this.#all.get(push.roomId);
    if (room !== undefined && this.#inside.has(room)) room.pushed(push);
  }

  #fail(error: SkeinError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one.reject(error);
  }

  async #renew(accessToken: string): Promise<number> {
    const { tokenExpiresMs } = await this.call(AccountService.method.renewLink, { accessToken });
    return Number(tokenExpiresMs) - (Date.now() + this.#serverAheadMs);
  }
}
