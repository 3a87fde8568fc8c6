/** The conversation entry that people see: what the server said last, and the newer messages on top. Derived, never counted up. */

import type { ConversationState } from "../model/conversation.js";
import type { Message } from "../model/message.js";

/** A pinned entry carries this bit above all times. */
const PINNED_BIT = 1n << 62n;

/** The entry with these messages, which go by seq. */
export function foldEntry(entry: ConversationState, tail: readonly Message[], me: string): ConversationState {
  let folded = entry;
  for (const message of tail) folded = withMessage(folded, message, me);
  return folded;
}

function withMessage(entry: ConversationState, message: Message, me: string): ConversationState {
  const lastShown = entry.lastMessage?.seq ?? 0;
  const newer =
    message.seq > lastShown || (message.seq === lastShown && message.version > (entry.lastMessage?.version ?? 0));
  if (!newer) return entry;
  const seen: ConversationState = {
    ...entry,
    lastMessage: message,
    conversationVersion: Math.max(entry.conversationVersion, message.version),
  };
  if (message.seq <= entry.lastSeq) return seen;
  const own = message.senderId === me;
  const counts = !own && message.senderId !== "0" && !message.noCount;
  return {
    ...seen,
    lastSeq: message.seq,
    unread: own ? 0 : entry.unread + (counts ? 1 : 0),
    mentioned: own ? false : entry.mentioned || mentions(message, me),
    ...(message.noListMove ? {} : { sortKey: message.sortKey | (entry.sortKey & PINNED_BIT), hidden: false }),
  };
}

function mentions({ content, senderId }: Message, me: string): boolean {
  if (senderId === me) return false;
  return content.mentionAll === true || (content.mentions ?? []).some(({ userId }) => userId === me);
}

/** Newest first, pinned ones above; the id decides between equals, as on the server. */
export function byListOrder(a: ConversationState, b: ConversationState): number {
  if (a.sortKey !== b.sortKey) return a.sortKey > b.sortKey ? -1 : 1;
  return a.conversationId < b.conversationId ? -1 : a.conversationId > b.conversationId ? 1 : 0;
}

/** The entry of a conversation that the server does not know yet. */
export function emptyEntry(
  conversationId: string,
  kind: "direct" | "self" | "group",
  peerId: string,
): ConversationState {
  return {
    conversationId,
    kind,
    version: 0,
    conversationVersion: 0,
    sortKey: 0n,
    lastSeq: 0,
    firstSeq: 1,
    lastMessage: undefined,
    unread: 0,
    mentioned: false,
    readSeq: 0,
    clearedSeq: 0,
    pinned: false,
    mute: "notify",
    draft: "",
    remark: "",
    hidden: false,
    archived: false,
    title: "",
    avatar: "",
    peerId,
    member: kind !== "group",
    peerReadSeq: 0,
    peerDeliveredSeq: 0,
    memberCount: kind === "direct" ? 2 : kind === "self" ? 1 : 0,
  };
}
