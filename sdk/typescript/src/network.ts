/** What a client knows of the network: the ways to the server, whether it is there, and when that may have changed. */

import type { Fetch } from "./link/http.js";
import type { LinkOptions } from "./link/link.js";
import { pollTransport } from "./link/poll.js";
import { streamTransport } from "./link/stream.js";
import type { Transport } from "./link/transport.js";
import { type WebSocketConstructor, webSocketTransport } from "./link/websocket.js";
import type { ClientOptions } from "./options.js";
import type { TokenProvider } from "./tokens.js";

/** How long the server may take to say that it is there. */
const REACHABLE_MS = 5_000;

/** The best one first. */
function transportsTo(
  address: string,
  webSocket: WebSocketConstructor | undefined,
  doFetch: Fetch,
): readonly Transport[] {
  const socket = webSocket ?? globalThis.WebSocket;
  const http = [streamTransport(address, doFetch), pollTransport(address, doFetch)];
  return socket === undefined ? http : [webSocketTransport(address, socket), ...http];
}

/** What every link of a client needs. */
export function linkOptions(
  { address, webSocket, clientName }: ClientOptions,
  tokens: TokenProvider,
  doFetch: Fetch,
): Omit<LinkOptions, "renew"> {
  return {
    transports: transportsTo(address, webSocket, doFetch),
    tokens,
    client: clientName ?? "skein-typescript",
    reachable: () => isReachable(address, doFetch),
  };
}

/** Whether plain HTTP reaches the server. */
async function isReachable(address: string, doFetch: Fetch): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(REACHABLE_MS);
    return (await doFetch(new URL("/healthz", address), { cache: "no-store", signal })).ok;
  } catch {
    return false;
  }
}

/** Calls when the browser says that the network came or went, or when the page is looked at again. Returns the stop. */
export function watchNetwork(changed: () => void): () => void {
  if (typeof window === "undefined") return () => {};
  const visible = () => document.visibilityState === "visible" && changed();
  addEventListener("online", changed);
  addEventListener("offline", changed);
  document.addEventListener("visibilitychange", visible);
  return () => {
    removeEventListener("online", changed);
    removeEventListener("offline", changed);
    document.removeEventListener("visibilitychange", visible);
  };
}
