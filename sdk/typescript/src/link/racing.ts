/** WebTransport before WebSocket, where the server offers it: it gets a head start, and nothing ever depends on it. */

import type { Frame } from "../gen/skein/v1/link_pb.js";
import type { Offers } from "./offers.js";
import type { Connection, Transport, TransportEvents, TransportName } from "./transport.js";

/** The sure one is tried beside the quick one after this, or as soon as that has failed. */
export const HEAD_START_MS = 300;

/** Connects by the quick transport if it is offered and opens soon, else by the sure one; what did not work is not tried again for a while. */
export function racing(
  quick: Transport,
  sure: Transport,
  offers: Pick<Offers, "current" | "look" | "failed">,
): Transport {
  return {
    name: sure.name,
    carriesRequests: quick.carriesRequests && sure.carriesRequests,
    connect: (events) => new Race(quick, sure, offers, events),
  };
}

class Race implements Connection {
  readonly #running = new Map<Transport, Connection>();
  #winner: Transport | undefined;
  /** The quick one has won, and the server has said something over it. */
  #heard = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(
    private readonly quick: Transport,
    private readonly sure: Transport,
    private readonly offers: Pick<Offers, "current" | "look" | "failed">,
    private readonly events: TransportEvents,
  ) {
    if (offers.current === undefined) {
      this.#start(sure);
    } else {
      this.#start(quick);
      this.#timer = setTimeout(() => this.#start(sure), HEAD_START_MS);
    }
  }

  get name(): TransportName {
    return (this.#winner ?? this.sure).name;
  }

  send(frame: Frame): void {
    if (this.#winner !== undefined) this.#running.get(this.#winner)?.send(frame);
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    for (const connection of this.#running.values()) connection.close();
    this.#running.clear();
  }

  #start(transport: Transport): void {
    if (this.#over || this.#running.has(transport)) return;
    const mine = () => !this.#over && this.#running.has(transport);
    const connection = transport.connect({
      opened: () => mine() && this.#opened(transport),
      frame: (frame) => {
        if (!mine() || this.#winner !== transport) return;
        this.#heard = true;
        this.events.frame(frame);
      },
      alive: () => mine() && this.#winner === transport && this.events.alive(),
      ended: (reason) => mine() && this.#ended(transport, reason),
    });
    this.#running.set(transport, connection);
  }

  #opened(transport: Transport): void {
    if (this.#winner !== undefined) return;
    this.#winner = transport;
    clearTimeout(this.#timer);
    for (const [other, connection] of this.#running) {
      if (other === transport) continue;
      this.#running.delete(other);
      connection.close();
      if (other === this.quick) this.offers.failed();
    }
    // The server is there, so it can be asked what it offers the next time.
    if (transport === this.sure) void this.offers.look();
    this.events.opened();
  }

  #ended(transport: Transport, reason: Parameters<TransportEvents["ended"]>[0]): void {
    this.#running.delete(transport);
    if (transport === this.quick && !(this.#winner === transport && this.#heard)) this.offers.failed();
    if (this.#winner === undefined && transport === this.quick) {
      clearTimeout(this.#timer);
      this.#start(this.sure);
    }
    if (this.#running.size > 0) return;
    this.#over = true;
    this.events.ended(reason);
  }
}
