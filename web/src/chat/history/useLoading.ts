/** Brings the messages that are on the screen, and a page around; waits while the view flies past. */

import type { History } from "@skein/client";
import { useCallback, useEffect, useRef } from "react";
import { pagesFor } from "./pages";

/** The view flies when it moved more than so many screens since the last time. */
const FLYING_SCREENS = 0.8;
const LANDING_MS = 70;

export interface Sight {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly top: number;
  readonly height: number;
}

/** Gives a function to call whenever what is in sight may have changed. */
export function useLoading(history: History): (sight: Sight) => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const lastTop = useRef<number>(undefined);
  const wanted = useRef<Sight>(undefined);

  const load = useCallback(() => {
    timer.current = undefined;
    const sight = wanted.current;
    if (sight === undefined) return;
    const { firstSeq, lastSeq } = history.current;
    const pages = pagesFor(sight.firstSeq, sight.lastSeq, firstSeq, lastSeq);
    // What cannot be had now comes when the history changes again: then it is asked for again.
    if (pages !== undefined) history.load(pages.from, pages.to).catch(() => {});
  }, [history]);

  useEffect(() => () => clearTimeout(timer.current), []);

  return useCallback(
    (sight) => {
      const moved = Math.abs(sight.top - (lastTop.current ?? sight.top));
      lastTop.current = sight.top;
      wanted.current = sight;
      const flying = moved > sight.height * FLYING_SCREENS;
      clearTimeout(timer.current);
      if (flying) timer.current = setTimeout(load, LANDING_MS);
      else load();
    },
    [load],
  );
}
