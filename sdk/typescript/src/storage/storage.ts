/** What a client keeps: the contract. IndexedDB keeps it over a reload, memory does not. */

import type { User } from "../model/account.js";
import type { Content } from "../model/content.js";
import type { ConversationState, Cursor } from "../model/conversation.js";
import type { Message, SendOptions } from "../model/message.js";
import type { Range } from "./ranges.js";

/** What is known of the user's own timeline. */
export interface UserRecord {
  /** Every change of the user timeline up to here is known. */
  readonly version: number;
  readonly me: User | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly blocked: readonly string[];
}

/** What is known of one conversation, but for its messages. */
export interface ConversationRecord {
  readonly conversationId: string;
  /** As the server said last; undefined until the user timeline brought it. */
  readonly entry: ConversationState | undefined;
  /** Messages that are newer than what `entry` knows, by seq. */
  readonly tail: readonly Message[];
  /** Every change of the conversation up to here is known. */
  readonly version: number;
  /** The highest version known to exist. */
  readonly wanted: number;
  readonly cursors: readonly Cursor[];
  /** Of large groups, whose entries stay as they are when messages come: the count of unread as of a seq. */
  readonly head?: { readonly lastSeq: number; readonly unread: number };
}

/** One send that is not acked. */
export interface OutboxRecord {
  /** Order of writing; given by the storage. */
  readonly position: number;
  readonly clientMessageId: string;
  readonly conversationId: string;
  readonly content: Content;
  readonly clientTimeMs: number;
  readonly options: SendOptions;
  /** Set when it failed for good. */
  readonly failed?: { readonly code: string; readonly text: string };
}

/** Something done here that the server has to learn; a later one of the same kind and conversation replaces it. */
export type Intent =
  | { readonly kind: "read"; readonly conversationId: string; readonly seq: number }
  | { readonly kind: "draft"; readonly conversationId: string; readonly text: string };

/** Changes that are written together or not at all. */
export interface Changes {
  readonly user?: UserRecord;
  /** A record that knows less than the one that is kept does not replace it. */
  readonly conversations?: readonly ConversationRecord[];
  /** Conversations whose messages are dropped before anything else. */
  readonly reset?: readonly string[];
  /** The higher version of a message wins; a deleted one does not come back. An own one ends the outbox record with its client id. */
  readonly messages?: readonly Message[];
  /** All messages of these ranges are held, but for those that nobody can see any more. */
  readonly held?: readonly { readonly conversationId: string; readonly range: Range }[];
  /** Deleted by the user for itself. */
  readonly deleted?: readonly { readonly conversationId: string; readonly messageIds: readonly string[] }[];
  /** Everything up to this seq was cleared. */
  readonly cleared?: readonly { readonly conversationId: string; readonly seq: number }[];
}

/** Everything but messages, for the start. */
export interface Stored {
  readonly user: UserRecord;
  readonly conversations: readonly ConversationRecord[];
  /** By position. */
  readonly outbox: readonly OutboxRecord[];
  readonly intents: readonly Intent[];
  readonly people: readonly User[];
  /** What the user has deleted for itself, by conversation: it does not come back. */
  readonly deleted: readonly { readonly conversationId: string; readonly messageIds: readonly string[] }[];
}

/** Messages of a range that are kept, and which parts of the range are known in full. */
export interface StoredRange {
  readonly messages: readonly Message[];
  readonly held: readonly Range[];
}

/** Rejects when the browser refuses to keep more (quota) or has closed the storage. */
export interface Storage {
  load(): Promise<Stored>;
  messages(conversationId: string, range: Range): Promise<StoredRange>;
  apply(changes: Changes): Promise<void>;
  /** Returns the position. */
  appendOutbox(record: Omit<OutboxRecord, "position">): Promise<number>;
  putOutbox(record: OutboxRecord): Promise<void>;
  removeOutbox(clientMessageId: string): Promise<void>;
  outbox(): Promise<readonly OutboxRecord[]>;
  putIntent(intent: Intent): Promise<void>;
  /** Only while it is still this one. */
  removeIntent(intent: Intent): Promise<void>;
  putPerson(user: User): Promise<void>;
  close(): void;
  /** Removes everything. The storage is closed then. */
  destroy(): Promise<void>;
}

/** Whether a record may take the place of a kept one: a tab that led before and does not know it yet must not turn back time. */
export function replaces(record: ConversationRecord, kept: ConversationRecord | undefined): boolean {
  return (
    kept === undefined || (record.version >= kept.version && (record.entry?.version ?? 0) >= (kept.entry?.version ?? 0))
  );
}

export const NO_USER: UserRecord = { version: 0, me: undefined, settings: {}, blocked: [] };
