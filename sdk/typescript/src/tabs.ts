/** The tabs of one user in one browser: one of them leads and holds the connection, the others are told what happens. */

import type { Limits } from "./limits.js";
import type { Message } from "./model/message.js";
import type { Presence } from "./presence/presence.js";
import { report } from "./report.js";
import type { Signal } from "./signal/signal.js";
import type { ConnectionStatus } from "./status.js";
import type { Changes, Intent } from "./storage/storage.js";

/** What tabs tell one another. */
export type TabMessage =
  /** Of the leader: these changes are being written. `live`: new messages of others among them. */
  | { readonly type: "changes"; readonly changes: Changes; readonly live: readonly Message[] }
  | { readonly type: "status"; readonly status: ConnectionStatus }
  /** Of the leader: these have come. */
  | { readonly type: "signals"; readonly signals: readonly Signal[] }
  /** Of the leader: what the server said last of its limits and clock. */
  | { readonly type: "welcome"; readonly limits: Limits; readonly serverAheadMs: number }
  /** The outbox in the storage has changed. */
  | { readonly type: "outbox" }
  | { readonly type: "intent"; readonly intent: Intent }
  /** Of the leader: the server has this draft. */
  | { readonly type: "draftTold"; readonly conversationId: string; readonly text: string }
  /** Of a follower: answers to its operations, as bytes of the schema and as messages. */
  | { readonly type: "absorb"; readonly entries: readonly Uint8Array[]; readonly messages: readonly Message[] }
  /** Of a follower: it has changed something of the user's own timeline. */
  | { readonly type: "pull" }
  /** Of a follower: somebody does not want to wait for the next try. */
  | { readonly type: "tryNow" }
  /** Of a follower: somebody looks at this conversation. */
  | { readonly type: "look"; readonly conversationId: string }
  /** Of the leader: this is how people look. */
  | { readonly type: "presence"; readonly presences: readonly Presence[] }
  /** Of a follower: it shows these people. */
  | { readonly type: "watch"; readonly userIds: readonly string[] }
  /** A tab has come, or doubts: the leader says its status again. */
  | { readonly type: "hello" }
  /** The user has logged out here: everybody closes. */
  | { readonly type: "bye" };

/** The part of Web Locks that is used. */
export interface Locks {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    held: () => Promise<void>,
  ): Promise<unknown>;
}

/** The part of a BroadcastChannel that is used. */
export interface Channel {
  postMessage(message: unknown): void;
  close(): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

export interface Tabs {
  /** Whether there may be others. */
  readonly shared: boolean;
  post(message: TabMessage): void;
  onMessage: (message: TabMessage) => void;
  /** Resolves when this tab leads; it does so until `leave`, or until another tab takes over. */
  lead(): Promise<void>;
  /** Another tab leads now. */
  onDeposed: () => void;
  /** Takes the lead from a tab that does not answer. */
  takeOver(): void;
  leave(): void;
}

/** Tabs of a browser by Web Locks and BroadcastChannel; a lone one where these do not exist. */
export function openTabs(name: string): Tabs {
  const locks = globalThis.navigator?.locks;
  if (locks === undefined || typeof BroadcastChannel === "undefined" || typeof window === "undefined") return loneTab();
  return joinTabs(name, locks as Locks, new BroadcastChannel(name));
}

/** One of several tabs. */
export function joinTabs(name: string, locks: Locks, channel: Channel): Tabs {
  const abort = new AbortController();
  let open = true;
  let release = () => {};
  let stolen = () => {};
  const request = (options: Parameters<Locks["request"]>[1], leading: () => void) => {
    let led = false;
    const held = () =>
      new Promise<void>((done) => {
        led = true;
        release = done;
        if (open) leading();
        else done();
      });
    locks.request(name, options, held).catch(() => {
      // The wait was aborted, or the lock was stolen from us.
      if (led && open) tabs.onDeposed();
    });
  };
  const tabs: Tabs = {
    shared: true,
    post(message) {
      if (!open) return;
      try {
        channel.postMessage(message);
      } catch (thrown) {
        // What cannot be cloned cannot be told; this tab must not stumble over it.
        report(thrown);
      }
    },
    onMessage: () => {},
    onDeposed: () => {},
    lead: () =>
      new Promise((resolve) => {
        stolen = resolve;
        request({ signal: abort.signal }, resolve);
      }),
    takeOver() {
      request({ steal: true }, () => stolen());
    },
    leave() {
      open = false;
      abort.abort();
      release();
      channel.close();
    },
  };
  channel.onmessage = ({ data }) => {
    if (open) tabs.onMessage(data as TabMessage);
  };
  return tabs;
}

/** A process of its own: leads at once, has nobody to tell. */
export function loneTab(): Tabs {
  return {
    shared: false,
    post: () => {},
    onMessage: () => {},
    lead: () => Promise.resolve(),
    onDeposed: () => {},
    takeOver: () => {},
    leave: () => {},
  };
}
