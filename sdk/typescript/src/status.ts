/** How the connection is, for showing it honestly. */

import type { CloseReason } from "./link/close_code.js";
import type { TransportName } from "./link/transport.js";

export type ConnectionStatus =
  /** Trying now; `attempt` counts from 1 since the last time it worked. */
  | { readonly state: "connecting"; readonly attempt: number }
  /** Down. The next try is at `retryAtMs` (`Date.now()` scale). `offline`: the browser says that there is no network. */
  | { readonly state: "waiting"; readonly attempt: number; readonly retryAtMs: number; readonly offline: boolean }
  /** Connected, pulling what was missed. `total` 0: not known yet. */
  | { readonly state: "syncing"; readonly done: number; readonly total: number }
  | { readonly state: "online"; readonly transport: TransportName }
  /** Will not reconnect. */
  | { readonly state: "closed"; readonly code: CloseReason; readonly text: string };

/** Whether the server is reached. */
export function isUp({ state }: ConnectionStatus): boolean {
  return state === "online" || state === "syncing";
}
