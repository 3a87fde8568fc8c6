/** What a client knows of the network: the ways to the server, whether it is there, and when that may have changed. */

import { createConnectTransport } from "@connectrpc/connect-web";
import type { HttpTransport } from "./call.js";
import { Chooser } from "./link/choose.js";
import { Gateways } from "./link/gateways.js";
import type { Fetch } from "./link/http.js";
import type { LinkOptions } from "./link/link.js";
import { Offers } from "./link/offers.js";
import { pollTransport } from "./link/poll.js";
import { racing } from "./link/racing.js";
import { streamTransport } from "./link/stream.js";
import type { Transport } from "./link/transport.js";
import { webTransport } from "./link/web_transport.js";
import { webSocketTransport } from "./link/websocket.js";
import type { ClientOptions } from "./options.js";
import type { TokenProvider } from "./tokens.js";

/** How long the server may take to say that it is there. */
const REACHABLE_MS = 5_000;

/** The best one first. */
function transportsTo(address: () => string, options: ClientOptions, doFetch: Fetch): readonly Transport[] {
  const http = [streamTransport(address, doFetch), pollTransport(address, doFetch)];
  const WebSocketClass = options.webSocket ?? globalThis.WebSocket;
  if (WebSocketClass === undefined) return http;
  const webSocket = webSocketTransport(address, WebSocketClass);
  const WebTransportClass = options.webTransport ?? globalThis.WebTransport;
  if (WebTransportClass === undefined || WebTransportClass === false) return [webSocket, ...http];
  const memory = localMemory();
  const offers = new Offers({
    address,
    fetch: doFetch,
    name: nameOf(options),
    ...(memory === undefined ? {} : { memory }),
  });
  return [
    racing(
      webTransport(() => offers.current, WebTransportClass),
      webSocket,
      offers,
    ),
    ...http,
  ];
}

/** What every link of a client needs. Each has gateways of its own: it is sent elsewhere when its own node asks for it. */
export function linkOptions(
  options: ClientOptions,
  gateways: Gateways,
  tokens: TokenProvider,
  doFetch: Fetch,
): Omit<LinkOptions, "renew"> {
  const address = () => gateways.current;
  return {
    transports: transportsTo(address, options, doFetch),
    gateways,
    chooser: chooserOf(options, gateways, doFetch),
    tokens,
    client: options.clientName ?? "skein-typescript",
    reachable: () => isReachable(address(), doFetch),
  };
}

/** The addresses that the application named. */
export function gatewaysOf({ address, addresses = [] }: ClientOptions): Gateways {
  return new Gateways([address, ...addresses]);
}

/** Operations over HTTP, to wherever the link goes. */
export function httpTo(options: ClientOptions, gateways: Gateways, doFetch: Fetch): HttpTransport {
  const moved: typeof fetch = (input, init) => doFetch(gateways.moved(String(input)), init);
  return createConnectTransport({ baseUrl: new URL(options.address).origin, useBinaryFormat: true, fetch: moved });
}

/** What is kept in a browser for this user at this server. */
export function nameOf({ address, userId }: ClientOptions): string {
  return `skein:${new URL(address).origin}:${userId}`;
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

/** Finds an address of the server that answers, as the application has asked for. */
function chooserOf(options: ClientOptions, gateways: Gateways, doFetch: Fetch): Chooser {
  const { dispatch = [], region, carrier } = options;
  const memory = localMemory();
  return new Chooser({
    gateways,
    dispatch,
    fetch: doFetch,
    name: nameOf(options),
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
