/** How frames travel. A transport opens one connection, says what came, and is thrown away when it ends. */

import type { Frame } from "../gen/skein/v1/link_pb.js";

export type TransportName = "webtransport" | "websocket" | "stream" | "poll";

/** What a transport tells its owner. Nothing comes after `ended`. */
export interface TransportEvents {
  /** Frames may be sent from now on. */
  opened(): void;
  frame(frame: Frame): void;
  /** Something came that is not a frame: the server lives. */
  alive(): void;
  /** The connection is over. `closeCode` (4000–4299) when the server gave one. */
  ended(reason: { readonly closeCode?: number; readonly text: string }): void;
}

/** One connection. Nothing throws. */
export interface Connection {
  /** What carries it, where its transport has a choice; settled when it is opened. */
  readonly name?: TransportName;
  send(frame: Frame): void;
  close(): void;
}

export interface Transport {
  readonly name: TransportName;
  /** Whether requests can go through it; otherwise they go over HTTP beside it. */
  readonly carriesRequests: boolean;
  connect(events: TransportEvents): Connection;
}
