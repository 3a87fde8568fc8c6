/** Where the conversation opens, and what the view does when messages come. */

import { useEffect, useLayoutEffect, useRef } from "react";
import { usePane } from "../pane";
import { firstUnread } from "./countNew";
import { newestWindow, windowAround } from "./rowWindow";
import { isAttentive } from "./useAttentive";
import type { Rows } from "./useRowWindow";
import type { View } from "./useView";

export function useArrivals(rows: Rows, { follow, resized, seenSeq }: View): void {
  const pane = usePane();
  const { history, conversation, dividerSeq } = pane;
  const opened = useRef(rows);
  const outgoing = useRef(rows.outgoing);
  const lastSeq = useRef(rows.lastSeq);

  // It opens at what is new, else at the end.
  useLayoutEffect(() => {
    const seq = firstUnread(history.current, conversation.current.unread);
    if (seq === 0) return;
    dividerSeq.set(seq);
    opened.current.show(windowAround(seq, opened.current.window, history.current));
    follow.aim({ kind: "seq", seq, align: "start" });
  }, [history, conversation, dividerSeq, follow]);

  // What is said oneself is shown; what others say only when the end is in sight.
  useLayoutEffect(() => {
    if (rows.outgoing > outgoing.current) {
      if (!rows.following) rows.show(newestWindow(rows));
      dividerSeq.set(0);
      follow.aim({ kind: "end" });
    }
    outgoing.current = rows.outgoing;
    if (rows.lastSeq > lastSeq.current) follow.arrived();
    lastSeq.current = rows.lastSeq;
    resized();
  }, [rows, dividerSeq, follow, resized]);

  // While nobody looks, what arrives is new when they come back.
  useEffect(() => {
    const unseen = rows.lastSeq > seenSeq.current && dividerSeq.current <= conversation.current.readSeq;
    if (isAttentive() || !unseen || history.get(rows.lastSeq)?.senderId === pane.me) return;
    dividerSeq.set(seenSeq.current + 1);
  }, [rows.lastSeq, pane, history, conversation, dividerSeq, seenSeq]);
}
