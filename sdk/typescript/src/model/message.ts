/** Messages: those that the server has, and those on their way to it. */

import type { SkeinError } from "../error.js";
import type { Content } from "./content.js";

/** What became of a message on the server. */
export type MessageState = "sent" | "recalled" | "deleted";

/** What a sender wants to see beside a message. */
export type MessageStatus = "sending" | "failed" | "sent" | "delivered" | "read" | "recalled" | "deleted";

/** A message that is on the server's disk. Immutable: a change comes as a new object with a higher `version`. */
export interface Message {
  readonly messageId: string;
  readonly conversationId: string;
  /** Contiguous in the conversation, from 1. */
  readonly seq: number;
  /** Version of the conversation at the last change of this message. */
  readonly version: number;
  /** "0": the system. */
  readonly senderId: string;
  readonly clientMessageId: string;
  readonly content: Content;
  readonly state: MessageState;
  /** When it was written, as the sender claims. */
  readonly clientTimeMs: number;
  /** When it was accepted. */
  readonly serverTimeMs: number;
  /** When it was last edited or recalled; 0: never. */
  readonly changedTimeMs: number;
  readonly editCount: number;
  /** "0": not recalled. */
  readonly recalledBy: string;
  /** True when it does not count as unread. */
  readonly noCount: boolean;
  /** True when it does not move the conversation up the list. */
  readonly noListMove: boolean;
  /** Place in the list, fixed at birth. A 63-bit number, so compare, never calculate. */
  readonly sortKey: bigint;
}

/** A message that is written down here and not yet acked by the server. It survives a reload. */
export interface OutgoingMessage {
  /** The idempotency key; the same as of the message that it becomes. */
  readonly clientMessageId: string;
  readonly conversationId: string;
  readonly content: Content;
  readonly clientTimeMs: number;
  /** Order of writing, across conversations and tabs. */
  readonly position: number;
  readonly status: "sending" | "failed";
  /** Why it failed for good: `retry` or `cancel` it. */
  readonly error?: SkeinError;
}

/** A former content of an edited message. */
export interface Edit {
  readonly content: Content;
  readonly timeMs: number;
}

/** How a send behaves; all default to false. */
export interface SendOptions {
  readonly noCount?: boolean;
  readonly noPush?: boolean;
  readonly noListMove?: boolean;
  readonly noOwnDevices?: boolean;
}
