/** What all parts of an open conversation share: its objects, and the small states that only some rows watch. */

import type { Client, Content, Conversation, History, Message } from "@skein/client";
import { createContext, useContext, useSyncExternalStore } from "react";
import { type Changing, changing } from "../state/changing";

/** What the composer is about, when it is not a new message. */
export interface Target {
  readonly kind: "reply" | "edit";
  readonly message: Message;
}

/** What is open over the conversation. */
export type Overlay =
  | { readonly kind: "menu"; readonly message: Message; readonly at: { x: number; y: number } | HTMLElement }
  | { readonly kind: "forward"; readonly messages: readonly Message[] }
  | { readonly kind: "delete"; readonly messages: readonly Message[] }
  | { readonly kind: "readers"; readonly message: Message }
  | { readonly kind: "edits"; readonly message: Message }
  | { readonly kind: "merged"; readonly content: Content };

export interface Pane {
  readonly client: Client;
  readonly conversation: Conversation;
  readonly history: History;
  readonly me: string;
  readonly target: Changing<Target | undefined>;
  readonly overlay: Changing<Overlay | undefined>;
  /** By message id; undefined: nothing is being selected. */
  readonly selection: Changing<ReadonlyMap<string, Message> | undefined>;
  /** The first new one: the divider goes above it. 0: none. */
  readonly dividerSeq: Changing<number>;
  /** The message that was jumped to a moment ago. 0: none. */
  readonly flashSeq: Changing<number>;
  /** Text for the composer to take up: of a message that was taken back. */
  readonly offered: Changing<string | undefined>;
  /** Texts of messages that were taken back here, by message id. */
  readonly recalledTexts: Map<string, string>;
  /** Long messages that are shown in full, by client message id. */
  readonly unfolded: Set<string>;
  /** Set by what shows the messages. */
  go: { toSeq(seq: number): void; toFirst(): void; toNewest(): void; byPage(direction: 1 | -1): void };
}

const nowhere: Pane["go"] = { toSeq() {}, toFirst() {}, toNewest() {}, byPage() {} };
/** Survives leaving the conversation and coming back. */
const recalledTexts = new Map<string, string>();

export function createPane(client: Client, conversation: Conversation, history: History): Pane {
  return {
    client,
    conversation,
    history,
    me: client.userId,
    target: changing<Target | undefined>(undefined),
    overlay: changing<Overlay | undefined>(undefined),
    selection: changing<ReadonlyMap<string, Message> | undefined>(undefined),
    dividerSeq: changing(0),
    flashSeq: changing(0),
    offered: changing<string | undefined>(undefined),
    recalledTexts,
    unfolded: new Set(),
    go: nowhere,
  };
}

const Context = createContext<Pane | undefined>(undefined);
export const PaneProvider = Context;

export function usePane(): Pane {
  const pane = useContext(Context);
  if (pane === undefined) throw new Error("usePane outside of an open conversation");
  return pane;
}

/** A part of the history; the component renders again only when that part changes. `select` gives a primitive, or the same object again. */
export function useHistory<T>(select: (history: History) => T): T {
  const { history } = usePane();
  return useSyncExternalStore(history.subscribe, () => select(history));
}

/** A part of something that changes; as above. */
export function useSelected<T, R>(source: Changing<T>, select: (value: T) => R): R {
  return useSyncExternalStore(source.subscribe, () => select(source.current));
}

export function isGroup(pane: Pane): boolean {
  return pane.conversation.current.kind === "group";
}
