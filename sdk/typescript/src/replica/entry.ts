/** The conversation entry that people see: what the server said last, and the newer messages on top. Derived, never counted up. */

import type { ConversationState } from "../model/conversation.js";
import type { Message } from "../model/message.js";
import type { ConversationRecord } from "../storage/storage.js";

/** A pinned entry carries this bit above all times. */
const PINNED_BIT = 1n << 62n;

/** Unread of a large group, as of a seq. */
export type Head = NonNullable<ConversationRecord["head"]>;

/** An entry that is being folded: one copy for all messages, because this is done for each push. */
type Draft = { -readonly [Key in keyof ConversationState]: ConversationState[Key] };

/** The entry with these messages, which go by seq. What a head has counted is not counted again. */
export function foldEntry(
  entry: ConversationState,
  tail: readonly Message[],
  me: string,
  head?: Head,
): ConversationState {
  // Who is not in it any more sees it as it was.
  if (!entry.member || (tail.length === 0 && head === undefined)) return entry;
  const folded = { ...entry };
  let counted = head === undefined || head.lastSeq < entry.lastSeq;
  for (const message of tail) {
    if (!counted && message.seq > (head?.lastSeq ?? 0)) {
      addHead(folded, head);
      counted = true;
    }
    addMessage(folded, message, me);
  }
  if (!counted) addHead(folded, head);
  return folded;
}

function addHead(entry: Draft, head: Head | undefined): void {
  if (head === undefined) return;
  entry.unread = head.unread;
  entry.lastSeq = Math.max(head.lastSeq, entry.lastSeq);
  entry.mentioned = head.unread > 0 && entry.mentioned;
}

function addMessage(entry: Draft, message: Message, me: string): void {
  const lastShown = entry.lastMessage?.seq ?? 0;
  const newer =
    message.seq > lastShown || (message.seq === lastShown && message.version > (entry.lastMessage?.version ?? 0));
  if (!newer) return;
  entry.lastMessage = message;
  entry.conversationVersion = Math.max(entry.conversationVersion, message.version);
  if (message.seq <= entry.lastSeq) return;
  const own = message.senderId === me;
  const counts = !own && message.senderId !== "0" && !message.noCount;
  entry.lastSeq = message.seq;
  entry.unread = own ? 0 : entry.unread + (counts ? 1 : 0);
  entry.mentioned = own ? false : entry.mentioned || mentions(message, me);
  if (!message.noListMove) {
    entry.sortKey = message.sortKey | (entry.sortKey & PINNED_BIT);
    entry.hidden = false;
  }
  changeGroup(entry, message);
}

/** What a line of the system says of the group. */
function changeGroup(entry: Draft, { content }: Message): void {
  if (content.type !== "system") return;
  switch (content.kind) {
    case "renamed":
      entry.title = content.text || entry.title;
      break;
    case "members_added":
      entry.memberCount += content.userIds.length;
      break;
    case "members_removed":
      entry.memberCount -= content.userIds.length;
      break;
    case "member_left":
      entry.memberCount -= 1;
      break;
  }
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
