/** Pushes over one long HTTP answer, a JSON frame per line; acks go beside it. For networks that break WebSockets. */

import { fromJsonString } from "@bufbuild/protobuf";
import { type Frame, FrameSchema, type Hello } from "../gen/skein/v1/link_pb.js";
import { closeCodeOf, type Fetch, resumePoint, sessionHeaders } from "./http.js";
import type { Connection, Transport, TransportEvents } from "./transport.js";

/** A line is one frame; more than this without a line end is not our server. */
const LINE_CHARACTERS_MAX = 8 * 1024 * 1024;

/** `address` is asked for each connection. */
export function streamTransport(address: () => string, doFetch: Fetch): Transport {
  return {
    name: "stream",
    carriesRequests: false,
    connect(events) {
      const connection = new StreamConnection(address(), doFetch, events);
      queueMicrotask(() => connection.open());
      return connection;
    },
  };
}

class StreamConnection implements Connection {
  readonly #abort = new AbortController();
  #token = "";
  #sessionId: Uint8Array | undefined;
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
    } else if (frame.ack > 0n) {
      this.#acknowledge(frame.ack);
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

  #acknowledge(ack: bigint): void {
    const url = new URL(`/v1/ack?ack=${ack}`, this.address);
    const headers = sessionHeaders(this.#token, this.#sessionId);
    // A lost ack costs a repeated push after the next resume, nothing else.
    this.doFetch(url, { method: "POST", headers, signal: this.#abort.signal }).catch(() => {});
  }

  async #run(hello: Hello): Promise<void> {
    this.#token = hello.token;
    const { sessionId, ack } = resumePoint(hello);
    const response = await this.doFetch(new URL(`/v1/events?ack=${ack}`, this.address), {
      headers: { ...sessionHeaders(hello.token, sessionId), accept: "application/x-ndjson" },
      cache: "no-store",
      signal: this.#abort.signal,
    });
    if (!response.ok || response.body === null) {
      const closeCode = await closeCodeOf(response);
      this.#end({ text: `the server answered ${response.status}`, ...(closeCode === undefined ? {} : { closeCode }) });
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    while (!this.#over) {
      const { done, value } = await reader.read();
      if (done) break;
      rest = this.#lines(rest + value);
      if (rest.length > LINE_CHARACTERS_MAX) throw new Error("a line of the stream is too long");
    }
    this.#end({ text: "the stream ended" });
  }

  /** Takes all whole lines; returns what is left. */
  #lines(text: string): string {
    const lines = text.split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      if (this.#over) break;
      if (line === "") {
        this.events.alive();
        continue;
      }
      const frame = fromJsonString(FrameSchema, line, { ignoreUnknownFields: true });
      if (frame.body.case === "welcome") this.#sessionId = frame.body.value.sessionId;
      this.events.frame(frame);
    }
    return rest;
  }
}
