/** What a client knows of the network: the ways to the server, whether it is there, and when that may have changed. */

import { Chooser } from "./link/choose.js";
import type { Gateways } from "./link/gateways.js";
import type { Fetch } from "./link/http.js";
import { pollTransport } from "./link/poll.js";
import { streamTransport } from "./link/stream.js";
import type { Transport } from "./link/transport.js";
import { type WebSocketConstructor, webSocketTransport } from "./link/websocket.js";
import type { ClientOptions } from "./options.js";

/** How long the server may take to say that it is there. */
const REACHABLE_MS = 5_000;

/** The best one first. */
export function transportsTo(
  address: () => string,
  webSocket: WebSocketConstructor | undefined,
  doFetch: Fetch,
): readonly Transport[] {
  const socket = webSocket ?? globalThis.WebSocket;
  const http = [streamTransport(address, doFetch), pollTransport(address, doFetch)];
  return socket === undefined ? http : [webSocketTransport(address, socket), ...http];
}

/** Whether plain HTTP reaches the server. */
export async function isReachable(address: string, doFetch: Fetch): Promise<boolean> {
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

/** Finds an address of the server that answers, as the application has asked for. */
export function chooserOf(options: ClientOptions, gateways: Gateways, name: string, doFetch: Fetch): Chooser {
  const { dispatch = [], region, carrier } = options;
  const memory = localMemory();
  return new Chooser({
    gateways,
    dispatch,
    fetch: doFetch,
    name,
    ...(region === undefined ? {} : { region }),
    ...(carrier === undefined ? {} : { carrier }),
    ...(memory === undefined ? {} : { memory }),
  });
}

/** `localStorage`, where there is one that may be used. */
function localMemory(): Pick<Storage, "getItem" | "setItem"> | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}
