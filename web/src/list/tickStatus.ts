/** What became of the last message, when it is one's own. */

import type { ConversationState, MessageStatus } from "@skein/client";

export type TickStatus = Extract<MessageStatus, "sent" | "delivered" | "read">;

/** Undefined: no tick, because it is not one's own, or there is nobody who could read it. */
export function tickStatus(state: ConversationState, me: string): TickStatus | undefined {
  const last = state.lastMessage;
  if (last === undefined || last.senderId !== me || last.state !== "sent") return undefined;
  if (state.kind === "self" || last.content.type === "system") return undefined;
  if (state.peerReadSeq >= last.seq) return "read";
  return state.peerDeliveredSeq >= last.seq ? "delivered" : "sent";
}
