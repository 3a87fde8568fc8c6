/** A conversation as its list entry shows it, and the roster of a group. */

import type { Message } from "./message.js";

export type ConversationKind = "direct" | "group" | "self" | "channel" | "room" | "system";

/** `notify`: the usual. `quiet`: received without a notification. `refuse`: not even pushed. */
export type Mute = "notify" | "quiet" | "refuse";

export type Role = "none" | "member" | "admin" | "owner";

/** The caller's own entry of one conversation. Immutable: a change comes as a new object. */
export interface ConversationState {
  readonly conversationId: string;
  readonly kind: ConversationKind;
  /** Of the user timeline, at the last change of the entry; 0 while the server does not know the conversation yet. */
  readonly version: number;
  readonly conversationVersion: number;
  /** Newest first; pinned ones sort above all others. A 63-bit number, so compare, never calculate. */
  readonly sortKey: bigint;
  readonly lastSeq: number;
  /** The first seq that the caller may read. */
  readonly firstSeq: number;
  readonly lastMessage: Message | undefined;
  readonly unread: number;
  /** An unread message mentions the caller. */
  readonly mentioned: boolean;
  readonly readSeq: number;
  readonly clearedSeq: number;
  readonly pinned: boolean;
  readonly mute: Mute;
  readonly draft: string;
  readonly remark: string;
  readonly hidden: boolean;
  readonly archived: boolean;
  /** Name of the group, or display name of the other. The remark, when set, goes before it: see `displayTitle`. */
  readonly title: string;
  readonly avatar: string;
  /** The other of a one-to-one conversation, or "0". */
  readonly peerId: string;
  /** False: left or removed. */
  readonly member: boolean;
  readonly peerReadSeq: number;
  readonly peerDeliveredSeq: number;
  readonly memberCount: number;
}

/** How far a member has read and received. */
export interface Cursor {
  readonly userId: string;
  readonly readSeq: number;
  readonly deliveredSeq: number;
  readonly readTimeMs: number;
}

export interface Group {
  readonly conversationId: string;
  readonly name: string;
  readonly avatar: string;
  readonly ownerId: string;
  readonly memberCount: number;
  readonly version: number;
  readonly createdTimeMs: number;
  readonly myRole: Role;
}

export interface Member {
  readonly userId: string;
  readonly role: Role;
  readonly joinedSeq: number;
  readonly version: number;
  readonly nickname: string;
  readonly displayName: string;
}

/** Who has read a message of a group, who has received it, who has not read it. */
export interface Readers {
  readonly read: readonly { readonly userId: string; readonly timeMs: number }[];
  readonly unreadIds: readonly string[];
  readonly deliveredIds: readonly string[];
}
