/** The tabs of one user in one browser: one of them leads and holds the connection, the others are told what happens. */

import type { Limits } from "./limits.js";
import type { Message } from "./model/message.js";
import type { ConnectionStatus } from "./status.js";
import type { Changes, Intent } from "./storage/storage.js";

/** What tabs tell one another. */
export type TabMessage =
  /** Of the leader: these changes are being written. `live`: new messages of others among them. */
  | { readonly type: "changes"; readonly changes: Changes; readonly live: readonly Message[] }
  | { readonly type: "status"; readonly status: ConnectionStatus }
  /** Of the leader: what the server said last of its limits and clock. */
  | { readonly type: "welcome"; readonly limits: Limits; readonly serverAheadMs: number }
  /** The outbox in the storage has changed. */
  | { readonly type: "outbox" }
  | { readonly type: "intent"; readonly intent: Intent }
  /** Of a follower: answers to its operations, as bytes of the schema and as messages. */
  | { readonly type: "absorb"; readonly entries: readonly Uint8Array[]; readonly messages: readonly Message[] }
  /** Of a follower: it has changed something of the user's own timeline. */
  | { readonly type: "pull" }
  /** A tab has come: the leader says its status again. */
  | { readonly type: "hello" }
  /** The user has logged out here: everybody closes. */
  | { readonly type: "bye" };

export interface Tabs {
  post(message: TabMessage): void;
  onMessage: (message: TabMessage) => void;
  /** Resolves when this tab leads; it does so until `leave`. */
  lead(): Promise<void>;
  leave(): void;
}

/** Tabs of a browser by Web Locks and BroadcastChannel; a lone one where these do not exist. */
export function openTabs(name: string): Tabs {
  const locks = globalThis.navigator?.locks;
  if (locks === undefined || typeof BroadcastChannel === "undefined" || typeof window === "undefined") return loneTab();
  const channel = new BroadcastChannel(name);
  const abort = new AbortController();
  let release = () => {};
  const tabs: Tabs = {
    post: (message) => channel.postMessage(message),
    onMessage: () => {},
    lead: () =>
      new Promise((resolve) => {
        const held = () =>
          new Promise<void>((done) => {
            release = done;
            resolve();
          });
        // An aborted wait rejects; nobody waits for it any more then.
        locks.request(name, { signal: abort.signal }, held).catch(() => {});
      }),
    leave() {
      abort.abort();
      release();
      channel.close();
      tabs.post = () => {};
    },
  };
  channel.onmessage = ({ data }) => tabs.onMessage(data as TabMessage);
  return tabs;
}

/** A process of its own: leads at once, has nobody to tell. */
export function loneTab(): Tabs {
  return { post: () => {}, onMessage: () => {}, lead: () => Promise.resolve(), leave: () => {} };
}
