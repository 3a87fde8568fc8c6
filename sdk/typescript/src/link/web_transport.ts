/** Frames over WebTransport: one session over QUIC, with one stream of records. */

import type { Offer } from "./offers.js";
import { encodeRecord, Records } from "./records.js";
import type { Connection, Transport, TransportEvents } from "./transport.js";

/** The standard constructor, where there is one. */
export type WebTransportConstructor = new (url: string, options?: WebTransportOptions) => WebTransport;

/** `offer` is asked for each connection: where the session is opened. */
export function webTransport(offer: () => Offer | undefined, WebTransportClass: WebTransportConstructor): Transport {
  return {
    name: "webtransport",
    carriesRequests: true,
    connect(events) {
      const connection = new WebTransportConnection(events);
      connection.run(offer(), WebTransportClass).catch((thrown) => connection.end(String(thrown)));
      return connection;
    },
  };
}

class WebTransportConnection implements Connection {
  #session: WebTransport | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #over = false;

  constructor(private readonly events: TransportEvents) {}

  async run(offer: Offer | undefined, WebTransportClass: WebTransportConstructor): Promise<void> {
    // Whoever connects has the connection before anything is said about it.
    await Promise.resolve();
    if (this.#over) return;
    if (offer === undefined) return this.end("the server takes no WebTransport");
    const hashes = offer.hashes.map((value) => ({ algorithm: "sha-256", value }));
    const session = new WebTransportClass(offer.url, hashes.length === 0 ? {} : { serverCertificateHashes: hashes });
    this.#session = session;
    // That it is over comes with the stream, and with what is waited for here.
    session.closed.catch(() => {});
    await session.ready;
    const stream = await session.createBidirectionalStream();
    if (this.#over) return;
    this.#writer = stream.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.events.opened();
    const reader = stream.readable.getReader();
    const records = new Records();
    while (!this.#over) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const frame of records.take(value)) {
        if (!this.#over) this.events.frame(frame);
      }
    }
    this.end("the stream ended");
  }

  send(frame: Parameters<Connection["send"]>[0]): void {
    if (this.#over) return;
    // What cannot be written any more is noticed by whoever reads.
    this.#writer?.write(encodeRecord(frame)).catch(() => {});
  }

  end(text: string): void {
    if (this.#over) return;
    this.close();
    this.events.ended({ text });
  }

  close(): void {
    this.#over = true;
    try {
      this.#session?.close();
    } catch {
      // It was never opened.
    }
  }
}
