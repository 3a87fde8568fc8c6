/** Choosing several messages. */

import type { Message } from "@skein/client";
import type { Pane } from "../pane";

/** The server takes so many at once. */
export const SELECTED_MAX = 100;

export function toggleSelected(pane: Pane, message: Message): void {
  const next = new Map(pane.selection.current);
  if (!next.delete(message.messageId) && next.size < SELECTED_MAX) next.set(message.messageId, message);
  pane.selection.set(next);
}

/** In the order in which they were said. */
export function selectedMessages(selection: ReadonlyMap<string, Message>): Message[] {
  return [...selection.values()].sort((a, b) => a.seq - b.seq);
}
