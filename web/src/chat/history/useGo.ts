/** Ways to go through the messages, for the other parts of the conversation. */

import { useEffect, useRef } from "react";
import { usePane } from "../pane";
import { newestWindow, windowAround } from "./rowWindow";
import type { Rows } from "./useRowWindow";
import type { View } from "./useView";

const FLASH_MS = 1_800;
/** Some of what was in sight stays in sight. */
const PAGE_SHARE = 0.9;

export function useGo(rows: Rows, { box, follow }: View): void {
  const pane = usePane();
  const now = useRef(rows);
  now.current = rows;

  useEffect(() => {
    let flash: ReturnType<typeof setTimeout> | undefined;
    pane.go = {
      toSeq(seq) {
        now.current.show(windowAround(seq, now.current.window, pane.history.current));
        follow.aim({ kind: "seq", seq, align: "center" });
        pane.flashSeq.set(seq);
        clearTimeout(flash);
        flash = setTimeout(() => pane.flashSeq.set(0), FLASH_MS);
      },
      toFirst() {
        follow.aim({ kind: "seq", seq: now.current.window.from, align: "start" });
      },
      toNewest() {
        now.current.show(newestWindow(pane.history.current));
        follow.aim({ kind: "end" });
      },
      byPage(direction) {
        box.current?.scrollBy({ top: direction * box.current.clientHeight * PAGE_SHARE });
      },
    };
    return () => clearTimeout(flash);
  }, [pane, box, follow]);
}
