/** The messages of the conversation: a row for each seq, of which only those near the view are on the page. */

import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { changing } from "../../state/changing";
import { useText } from "../../text/useText";
import { usePane } from "../pane";
import { Announcer } from "./Announcer";
import { countNew, firstUnread } from "./countNew";
import { EdgeButton } from "./EdgeButton";
import { EmptyHistory } from "./EmptyHistory";
import styles from "./HistoryPane.module.css";
import { JumpButton } from "./JumpButton";
import { Row } from "./Row";
import { earlierWindow, laterWindow, newestWindow, windowAround } from "./rowWindow";
import { StickyDay } from "./StickyDay";
import { isAttentive, useAttentive } from "./useAttentive";
import { useFollow } from "./useFollow";
import { useLoading } from "./useLoading";
import { useReading } from "./useReading";
import { useRowWindow } from "./useRowWindow";

const ROW_PX = 48;
/** Beyond the view, so that scrolling finds rows there already. */
const BUFFER_PX = 400;
const FLASH_MS = 1_800;
/** Farther from the end than this there is a way back to it. */
const FAR_PX = 240;

export function HistoryPane() {
  const pane = usePane();
  const { history, conversation } = pane;
  const text = useText().chat;
  const attentive = useAttentive();
  const rows = useRowWindow();
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const follow = useFollow(box, list, rows.window.from);
  const wantLoaded = useLoading(history);
  const markRead = useReading(conversation, history);
  const [topSeq] = useState(() => changing(0));
  const [place, setPlace] = useState({ far: false, top: false });
  const seen = useRef(history.current.lastSeq);
  const now = useRef(rows);
  now.current = rows;

  /** Looks where the view is, and does what follows from it. */
  const look = useCallback(() => {
    const element = box.current;
    const handle = list.current;
    if (element === null || handle === null) return;
    const { window, count, following, firstSeq } = now.current;
    const { scrollTop: top, clientHeight: height, scrollHeight } = element;
    const first = window.from + handle.findItemIndex(top);
    const last = window.from + Math.min(count - 1, handle.findItemIndex(top + height - 1));
    const end = follow.atEnd() && following;
    if (count > 0) {
      wantLoaded({ firstSeq: first, lastSeq: last, top, height });
      markRead(end ? last : handle.getItemOffset(last - window.from) + 24 > top + height ? last - 1 : last);
    }
    if (end && isAttentive()) seen.current = history.current.lastSeq;
    topSeq.set(window.from + handle.findItemIndex(top + 12));
    const far = !following || scrollHeight - top - height > FAR_PX;
    const atTop = top < FAR_PX && window.from > firstSeq;
    setPlace((before) => (before.far === far && before.top === atTop ? before : { far, top: atTop }));
  }, [follow, history, markRead, topSeq, wantLoaded]);

  const resized = useCallback(() => {
    follow.apply();
    look();
  }, [follow, look]);

  const scrolled = useCallback(() => {
    follow.scrolled();
    look();
  }, [follow, look]);

  // Where it opens: at what is new, else at the end.
  useLayoutEffect(() => {
    const seq = firstUnread(history.current, conversation.current.unread);
    if (seq === 0) return;
    pane.dividerSeq.set(seq);
    now.current.show(windowAround(seq, now.current.window, history.current));
    follow.aim({ kind: "seq", seq, align: "start" });
  }, [history, conversation, pane, follow]);

  // What is said oneself is shown; what others say only when the end is in sight.
  const outgoing = useRef(rows.outgoing);
  useLayoutEffect(() => {
    if (rows.outgoing > outgoing.current) {
      rows.show(rows.following ? rows.window : newestWindow(rows));
      pane.dividerSeq.set(0);
      follow.aim({ kind: "end" });
    }
    outgoing.current = rows.outgoing;
    resized();
  }, [rows, pane, follow, resized]);

  // While nobody looks, what arrives is new when they come back.
  useEffect(() => {
    if (attentive) look();
  }, [attentive, look]);
  useEffect(() => {
    if (isAttentive() || rows.lastSeq <= seen.current || pane.dividerSeq.current > conversation.current.readSeq) return;
    if (history.get(rows.lastSeq)?.senderId !== pane.me) pane.dividerSeq.set(seen.current + 1);
  }, [rows.lastSeq, pane, history, conversation]);

  useEffect(() => history.subscribe(look), [history, look]);

  const flash = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    pane.go = {
      toSeq(seq) {
        now.current.show(windowAround(seq, now.current.window, history.current));
        follow.aim({ kind: "seq", seq, align: "center" });
        pane.flashSeq.set(seq);
        clearTimeout(flash.current);
        flash.current = setTimeout(() => pane.flashSeq.set(0), FLASH_MS);
      },
      toNewest() {
        now.current.show(newestWindow(history.current));
        follow.aim({ kind: "end" });
      },
      byPage(direction) {
        box.current?.scrollBy({ top: direction * box.current.clientHeight * 0.9 });
      },
    };
    return () => clearTimeout(flash.current);
  }, [pane, history, follow]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current) return;
    if (event.key === "End") pane.go.toNewest();
    else if (event.key === "Home") follow.aim({ kind: "seq", seq: rows.window.from, align: "start" });
    else return;
    event.preventDefault();
  };

  const news = place.far ? countNew((seq) => history.get(seq), seen.current, rows.lastSeq, pane.me) : 0;
  const from = rows.window.from;
  const render = useCallback((_: undefined, index: number) => <Row key={from + index} seq={from + index} />, [from]);

  return (
    <div className={styles.history}>
      <div
        ref={box}
        className={styles.scroller}
        role="log"
        aria-label={text.messages}
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to get there
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div className={styles.above} />
        <Virtualizer
          key={from}
          ref={list}
          data={rows.data}
          itemSize={ROW_PX}
          bufferSize={BUFFER_PX}
          onScroll={scrolled}
          onScrollEnd={look}
          onResize={resized}
        >
          {render}
        </Virtualizer>
      </div>
      {rows.count === 0 && <EmptyHistory />}
      <StickyDay topSeq={topSeq} />
      {place.top && <EdgeButton label={text.earlier} onClick={() => rows.show(earlierWindow(rows.window, rows))} />}
      {place.far && (
        <JumpButton
          count={news}
          later={rows.following ? undefined : () => rows.show(laterWindow(rows.window, rows))}
          onJump={() => pane.go.toNewest()}
        />
      )}
      <Announcer />
    </div>
  );
}
