/** What a client is made with, and what it tells. */

import type { Conversation } from "./conversation.js";
import type { CloseReason } from "./link/close_code.js";
import type { WebTransportConstructor } from "./link/web_transport.js";
import type { WebSocketConstructor } from "./link/websocket.js";
import type { Message } from "./model/message.js";
import type { Signal } from "./signal/signal.js";
import type { Storage } from "./storage/storage.js";
import type { Tabs } from "./tabs.js";

export interface ClientOptions {
  /** Of the server: `https://chat.example`. */
  readonly address: string;
  /** Further addresses of the same server: the first that answers is taken. */
  readonly addresses?: readonly string[];
  /** Addresses that can be asked where to connect (`/v1/gateways`). Nothing depends on their answering. */
  readonly dispatch?: readonly string[];
  /** Where this client is, in the words of the deployment: better addresses are named then. */
  readonly region?: string;
  readonly carrier?: string;
  /** Whose tokens will be given to `connect`. */
  readonly userId: string;
  /** `indexeddb` where there is one, else `memory`; or a storage of the application's own. */
  readonly storage?: "indexeddb" | "memory" | Storage;
  /** Name and version of the client software, for the server's logs. */
  readonly clientName?: string;
  /** For runtimes without a global one (Node before 22); without any, HTTP is used. */
  readonly webSocket?: WebSocketConstructor;
  /** WebTransport races the WebSocket where the browser has it and the server offers it; `false`: never. */
  readonly webTransport?: WebTransportConstructor | false;
  readonly fetch?: typeof fetch;
  /** @internal For tests of several tabs in one process. */
  readonly tabs?: (name: string) => Tabs;
}

export interface ClientEvents {
  /** A new message of somebody else has come just now. Not for history, edits or what was missed. */
  message: { readonly conversation: Conversation; readonly message: Message };
  /** A signal has come, while this device is connected. Who writes is also in `conversation.writing`. */
  signal: Signal;
  /** It will not reconnect. */
  closed: { readonly code: CloseReason; readonly text: string };
  /** The browser refuses to keep more; everything still works until the page is left. */
  storageFailed: { readonly error: unknown };
}
