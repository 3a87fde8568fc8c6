/** Where the view is on the messages, and what follows from it: what is loaded, what is read, what floats above. */

import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import type { VirtualizerHandle } from "virtua";
import { type Changing, changing } from "../../state/changing";
import { usePane } from "../pane";
import { isAttentive, useAttentive } from "./useAttentive";
import { type Follow, useFollow } from "./useFollow";
import { useLoading } from "./useLoading";
import { useReading } from "./useReading";
import type { Rows } from "./useRowWindow";

/** Farther from the end than this there is a way back to it. */
const FAR_PX = 240;
/** A message with so much of it in sight is read. */
const READ_PX = 24;

export interface View {
  readonly box: RefObject<HTMLDivElement | null>;
  readonly list: RefObject<VirtualizerHandle | null>;
  readonly follow: Follow;
  /** The seq of the topmost row in sight. */
  readonly topSeq: Changing<number>;
  /** The last seq when the end was last in sight. */
  readonly seenSeq: RefObject<number>;
  /** Far from the end; near the first of the rows, with others before it. */
  readonly place: { readonly far: boolean; readonly top: boolean };
  readonly look: () => void;
  /** Rows or heights have changed. */
  readonly resized: () => void;
  readonly scrolled: () => void;
}

export function useView(rows: Rows): View {
  const { history, conversation } = usePane();
  const attentive = useAttentive();
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const follow = useFollow(box, list, rows.window.from);
  const load = useLoading(history);
  const markRead = useReading(conversation, history);
  const [topSeq] = useState(() => changing(0));
  const [place, setPlace] = useState({ far: false, top: false });
  const seenSeq = useRef(history.current.lastSeq);
  const now = useRef(rows);
  now.current = rows;

  const look = useCallback(() => {
    const element = box.current;
    const handle = list.current;
    if (element === null || handle === null) return;
    const { window, count, following, firstSeq } = now.current;
    const { scrollTop: top, clientHeight: height, scrollHeight } = element;
    const end = follow.atEnd() && following;
    if (count > 0) {
      const first = handle.findItemIndex(top);
      const last = Math.min(count - 1, handle.findItemIndex(top + height - 1));
      load({ firstSeq: window.from + first, lastSeq: window.from + last, top, height });
      const cut = !end && handle.getItemOffset(last) + READ_PX > top + height;
      markRead(window.from + last - (cut ? 1 : 0));
    }
    if (end && isAttentive()) seenSeq.current = history.current.lastSeq;
    topSeq.set(window.from + handle.findItemIndex(top + 12));
    const far = !following || scrollHeight - top - height > FAR_PX;
    const atTop = top < FAR_PX && window.from > firstSeq;
    setPlace((before) => (before.far === far && before.top === atTop ? before : { far, top: atTop }));
  }, [follow, history, load, markRead, topSeq]);

  const resized = useCallback(() => {
    follow.apply();
    look();
  }, [follow, look]);
  const scrolled = useCallback(() => {
    follow.scrolled();
    look();
  }, [follow, look]);

  // However much arrives, one look in a frame is enough.
  useEffect(() => {
    let frame = 0;
    const stop = history.subscribe(() => {
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        look();
      });
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [history, look]);

  useEffect(() => {
    if (attentive) look();
  }, [attentive, look]);

  return { box, list, follow, topSeq, seenSeq, place, look, resized, scrolled };
}
