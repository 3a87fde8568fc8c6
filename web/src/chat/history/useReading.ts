/** Marks as read what somebody has before their eyes. */

import type { Conversation, History } from "@skein/client";
import { useCallback, useRef } from "react";
import { isAttentive } from "./useAttentive";

/** Gives a function to call with the last seq in sight. Nothing is read while nobody looks, or before it is loaded. */
export function useReading(conversation: Conversation, history: History): (seqInSight: number) => void {
  const told = useRef(0);
  return useCallback(
    (seqInSight) => {
      const seq = Math.min(seqInSight, history.current.lastSeq);
      const { readSeq, unread } = conversation.current;
      if (!isAttentive() || history.get(seq) === undefined) return;
      if (seq <= told.current || (seq <= readSeq && unread === 0)) return;
      told.current = seq;
      conversation.markRead(seq).catch(() => {
        told.current = 0;
      });
    },
    [conversation, history],
  );
}
