/**
 * Client SDK of the Skein instant-messaging engine.
 *
 * `Accounts` registers and logs in; `Client` connects, keeps a local copy that works offline, and hands out `Conversation` objects with reactive state.
 */

export { Accounts } from "./accounts.js";
export { Client } from "./client.js";
export { Conversation } from "./conversation.js";
export { type ErrorCode, SkeinError } from "./error.js";
export { History, type HistoryState } from "./history.js";
export type { Limits } from "./limits.js";
export type { CloseReason } from "./link/close_code.js";
export type { TransportName } from "./link/transport.js";
export type { WebTransportConstructor } from "./link/web_transport.js";
export type { WebSocketConstructor } from "./link/websocket.js";
export type * from "./model/account.js";
export type * from "./model/content.js";
export type * from "./model/conversation.js";
export type * from "./model/message.js";
export type { Observable } from "./observable.js";
export type { ClientEvents, ClientOptions } from "./options.js";
export type { ChosenState, OnlineDay, Presence, PresenceState } from "./presence/presence.js";
export type { Presences } from "./presence/presences.js";
export type { RoomMessage, RoomPriority } from "./room/place.js";
export type { Room, RoomContent, RoomEvents, RoomState } from "./room/room.js";
export type { Signal, SignalReply, SignalTarget } from "./signal/signal.js";
export type { SignalContent, Signals } from "./signal/signals.js";
export type { ConnectionStatus } from "./status.js";
export { IndexedDbStorage } from "./storage/indexeddb.js";
export { MemoryStorage } from "./storage/memory.js";
export type { Storage } from "./storage/storage.js";
export { TokenKeeper, type TokenProvider } from "./tokens.js";
