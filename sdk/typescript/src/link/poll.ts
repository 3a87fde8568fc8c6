/** Pushes by long polling: the last resort, which works wherever HTTP does. */

import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  type Frame,
  FrameSchema,
  GoAwaySchema,
  type Hello,
  type Push,
  PushSchema,
  WelcomeSchema,
} from "../gen/skein/v1/link_pb.js";
import { RoomPushSchema } from "../gen/skein/v1/room_pb.js";
import { closeCodeOf, type Fetch, resumePoint, sessionHeaders } from "./http.js";
import type { Connection, Transport, TransportEvents } from "./transport.js";

/** How long the server may hold a poll. */
const WAIT_MS = 20_000;

/** `address` is asked for each connection. */
export function pollTransport(address: () => string, doFetch: Fetch): Transport {
  return {
    name: "poll",
    carriesRequests: false,
    connect(events) {
      const connection = new PollConnection(address(), doFetch, events);
      queueMicrotask(() => connection.open());
      return connection;
    },
  };
}

/** The answer to a poll, in the JSON of the server. */
interface Answer {
  readonly sessionId: string;
  readonly resumed?: boolean;
  readonly userVersion: string;
  readonly serverTimeMs: string;
  readonly pushes: readonly JsonValue[];
  readonly goAway?: JsonValue;
  readonly roomPushes?: readonly JsonValue[];
}

class PollConnection implements Connection {
  readonly #abort = new AbortController();
  #ack = 0n;
  #over = false;

  constructor(
    private readonly address: string,
    private readonly doFetch: Fetch,
    private readonly events: TransportEvents,
  ) {}

  /** There is nothing to open: the hello is the first request. */
  open(): void {
    if (!this.#over) this.events.opened();
  }

  send(frame: Frame): void {
    if (this.#over) return;
    if (frame.body.case === "hello") {
      this.#run(frame.body.value).catch((thrown) => this.#end({ text: String(thrown) }));
    } else if (frame.ack > this.#ack) {
      // Rides on the next poll.
      this.#ack = frame.ack;
    }
  }

  close(): void {
    this.#over = true;
    this.#abort.abort();
  }

  #end(reason: { closeCode?: number; text: string }): void {
    if (this.#over) return;
    this.close();
    this.events.ended(reason);
  }

  async #run(hello: Hello): Promise<void> {
    const resume = resumePoint(hello);
    this.#ack = resume.ack;
    const first = await this.#poll(hello.token, resume.sessionId, 0);
    if (first === undefined) return;
    const welcome = create(WelcomeSchema, {
      sessionId: Uint8Array.from(atob(first.sessionId), (character) => character.charCodeAt(0)),
      resumed: first.resumed ?? false,
      userVersion: BigInt(first.userVersion),
      serverTimeMs: BigInt(first.serverTimeMs),
    });
    if (!welcome.resumed) this.#ack = 0n;
    this.events.frame(create(FrameSchema, { body: { case: "welcome", value: welcome } }));
    let answer: Answer | undefined = first;
    let sinceLinkSeq = this.#ack;
    while (answer !== undefined && !this.#over) {
      for (const json of answer.pushes) {
        const push: Push = fromJson(PushSchema, json, { ignoreUnknownFields: true });
        if (push.linkSeq <= sinceLinkSeq) continue;
        sinceLinkSeq = push.linkSeq;
        this.events.frame(create(FrameSchema, { body: { case: "push", value: push } }));
      }
      for (const json of answer.roomPushes ?? []) {
        const push = fromJson(RoomPushSchema, json, { ignoreUnknownFields: true });
        this.events.frame(create(FrameSchema, { body: { case: "roomPush", value: push } }));
      }
      if (answer.goAway != null) {
        const goAway = fromJson(GoAwaySchema, answer.goAway, { ignoreUnknownFields: true });
        this.events.frame(create(FrameSchema, { body: { case: "goAway", value: goAway } }));
      }
      // What was handed over is taken; the ack of the session says the same a moment later.
      this.#ack = sinceLinkSeq;
      answer = await this.#poll(hello.token, welcome.sessionId, WAIT_MS);
      if (answer !== undefined && !answer.resumed) {
        this.#end({ text: "the session has expired" });
        return;
      }
      if (answer !== undefined) this.events.alive();
    }
  }

  async #poll(token: string, sessionId: Uint8Array | undefined, waitMs: number): Promise<Answer | undefined> {
    const url = new URL(`/v1/poll?wait_ms=${waitMs}&ack=${this.#ack}`, this.address);
    const response = await this.doFetch(url, {
      headers: sessionHeaders(token, sessionId),
      cache: "no-store",
      signal: this.#abort.signal,
    });
    if (response.ok) return (await response.json()) as Answer;
    // What ends a poll that was held is not said precisely: the next hello is told.
    const closeCode = waitMs === 0 ? await closeCodeOf(response) : undefined;
    this.#end({ text: `the server answered ${response.status}`, ...(closeCode === undefined ? {} : { closeCode }) });
    return undefined;
  }
}
