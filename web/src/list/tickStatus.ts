/** Which tick stands in a row of the list: what became of the last message, when it is one's own. */

import type { ConversationState, MessageStatus } from "@skein/client";
import type { Tail } from "./useTail";

export type TickStatus = Exclude<MessageStatus, "recalled" | "deleted">;

/** Undefined: no tick, because it is not one's own, or there is nobody who could read it. */
export function tickStatus(state: ConversationState, tail: Tail, me: string): TickStatus | undefined {
  if (tail.outgoing !== undefined) return tail.outgoing.status;
  const last = state.lastMessage;
  if (last === undefined || last.senderId !== me || state.kind === "self" || last.content.type === "system") {
    return undefined;
  }
  const { status } = tail;
  return status === "recalled" || status === "deleted" ? undefined : status;
}
