/** One seq of the history: a message, nothing, or not loaded yet; past the last seq, something on its way. */

import type { History, Message, OutgoingMessage } from "@skein/client";
import { memo } from "react";
import { MessageRow } from "../bubble/MessageRow";
import { useHistory } from "../pane";
import { Placeholder } from "./Placeholder";

export function itemAt(history: History, seq: number): Message | OutgoingMessage | null | undefined {
  const { lastSeq, outgoing } = history.current;
  return seq <= lastSeq ? history.get(seq) : (outgoing[seq - lastSeq - 1] ?? null);
}

export const Row = memo(function Row({ seq }: { seq: number }) {
  const item = useHistory((history) => itemAt(history, seq));
  if (item === undefined) return <Placeholder seq={seq} />;
  if (item === null) return null;
  // What was on its way keeps its place on the page when it becomes a message.
  return <MessageRow key={item.clientMessageId} item={item} seq={seq} />;
});
