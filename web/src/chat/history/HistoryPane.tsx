/** The messages of the conversation: a row for each seq, of which only those near the view are on the page. */

import { type KeyboardEvent, useCallback, useMemo } from "react";
import { Virtualizer } from "virtua";
import { useText } from "../../text/useText";
import { usePane } from "../pane";
import { Announcer } from "./Announcer";
import { countNew } from "./countNew";
import { EdgeButton } from "./EdgeButton";
import { EmptyHistory } from "./EmptyHistory";
import styles from "./HistoryPane.module.css";
import { JumpButton } from "./JumpButton";
import { Row } from "./Row";
import { earlierWindow, laterWindow, type RowWindow } from "./rowWindow";
import { StickyDay } from "./StickyDay";
import { useArrivals } from "./useArrivals";
import { useGo } from "./useGo";
import { useRowWindow } from "./useRowWindow";
import { useView } from "./useView";

/** The height of a row that was never seen. */
const ROW_PX = 48;
/** Beyond the view, so that scrolling finds rows there already. */
const BUFFER_PX = 400;
const KEPT_ROWS = 24;

export function HistoryPane() {
  const pane = usePane();
  const text = useText().chat;
  const rows = useRowWindow();
  const view = useView(rows);
  useArrivals(rows, view);
  useGo(rows, view);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== view.box.current) return;
    if (event.key === "End") pane.go.toNewest();
    else if (event.key === "Home") pane.go.toFirst();
    else return;
    event.preventDefault();
  };

  /** Other rows, with the same message at the top. */
  const moveTo = (window: RowWindow) => {
    const seq = view.topSeq.current;
    rows.show(window);
    view.follow.aim({ kind: "seq", seq, align: "start" });
  };

  const { from } = rows.window;
  const render = useCallback((_: undefined, index: number) => <Row key={from + index} seq={from + index} />, [from]);
  // At the end, each arrival scrolls a little: without this the rows above would go and come back each time.
  const kept = useMemo(
    () =>
      view.place.far ? [] : Array.from({ length: Math.min(KEPT_ROWS, rows.count) }, (_, at) => rows.count - 1 - at),
    [view.place.far, rows.count],
  );
  const lookup = (seq: number) => pane.history.get(seq);
  const news = view.place.far ? countNew(lookup, view.seenSeq.current, rows.lastSeq, pane.me) : 0;

  return (
    <div className={styles.history}>
      <div
        ref={view.box}
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
          ref={view.list}
          data={rows.data}
          itemSize={ROW_PX}
          bufferSize={BUFFER_PX}
          keepMounted={kept}
          onScroll={view.scrolled}
          onScrollEnd={view.look}
          onResize={view.resized}
        >
          {render}
        </Virtualizer>
      </div>
      {rows.count === 0 && <EmptyHistory />}
      <StickyDay topSeq={view.topSeq} away={view.place.far} />
      {view.place.top && <EdgeButton label={text.earlier} onClick={() => moveTo(earlierWindow(rows.window, rows))} />}
      {view.place.far && (
        <JumpButton
          count={news}
          later={rows.following ? undefined : () => moveTo(laterWindow(rows.window, rows))}
          onJump={() => pane.go.toNewest()}
        />
      )}
      <Announcer />
    </div>
  );
}
