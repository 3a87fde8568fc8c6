/** Keeps the view where it should be while rows are measured, loaded and added: at the end, or at a message. */

import { type RefObject, useCallback, useEffect, useMemo, useRef } from "react";
import type { VirtualizerHandle } from "virtua";

export type Goal =
  | { readonly kind: "end" }
  | { readonly kind: "seq"; readonly seq: number; readonly align: "start" | "center" }
  | undefined;

/** Nearer to the end than this is at the end. */
const END_PX = 32;
/** Above a message that was gone to: room for the day that floats there. */
const START_GAP_PX = 44;
/** A message that was gone to is held in place so long, while its surroundings load. */
const HOLD_MS = 2_500;
/** A smooth scroll of the browser's own may go on so long after the view was sent elsewhere; it is not what the reader wants any more. */
const SETTLE_MS = 600;

export interface Follow {
  readonly goal: RefObject<Goal>;
  aim(goal: Goal): void;
  /** Puts the view where the goal is. Call after the rows or their heights have changed. */
  apply(): void;
  /** Call when a message has come, before the view is put anywhere: whoever saw the end goes on seeing it. */
  arrived(): void;
  /** To be told of every scroll. */
  scrolled(): void;
  atEnd(): boolean;
}

export function useFollow(
  box: RefObject<HTMLElement | null>,
  list: RefObject<VirtualizerHandle | null>,
  firstRow: number,
): Follow {
  const goal = useRef<Goal>({ kind: "end" });
  const lastTop = useRef(0);
  const sawEnd = useRef(false);
  const aimedAt = useRef(0);
  const actedAt = useRef(0);
  const rowsFrom = useRef(firstRow);
  rowsFrom.current = firstRow;

  const atEnd = useCallback(() => {
    const element = box.current;
    if (element === null) return true;
    return element.scrollTop + element.clientHeight >= element.scrollHeight - END_PX;
  }, [box]);

  const apply = useCallback(() => {
    const element = box.current;
    const rows = list.current;
    const aim = goal.current;
    if (element === null || rows === null || aim === undefined) return;
    if (aim.kind === "end") {
      const top = element.scrollHeight - element.clientHeight;
      if (Math.abs(top - element.scrollTop) > 0.5) element.scrollTop = top;
    } else if (performance.now() > aimedAt.current + HOLD_MS) {
      goal.current = atEnd() ? { kind: "end" } : undefined;
    } else {
      const index = aim.seq - rowsFrom.current;
      const start = rows.getItemOffset(index);
      const space = element.clientHeight - rows.getItemSize(index);
      const top = aim.align === "start" ? start - START_GAP_PX : start - Math.max(START_GAP_PX, space / 2);
      if (Math.abs(top - element.scrollTop) > 0.5) element.scrollTop = top;
    }
    lastTop.current = element.scrollTop;
    sawEnd.current = atEnd();
  }, [box, list, atEnd]);

  const arrived = useCallback(() => {
    if (sawEnd.current) goal.current = { kind: "end" };
  }, []);

  const aim = useCallback(
    (next: Goal) => {
      goal.current = next;
      aimedAt.current = performance.now();
      apply();
    },
    [apply],
  );

  const scrolled = useCallback(() => {
    const top = box.current?.scrollTop ?? 0;
    const strayed = actedAt.current <= aimedAt.current && performance.now() < aimedAt.current + SETTLE_MS;
    if (strayed) apply();
    else if (atEnd()) goal.current ??= { kind: "end" };
    else if (goal.current?.kind === "end" && top < lastTop.current - 1) goal.current = undefined;
    lastTop.current = box.current?.scrollTop ?? 0;
    sawEnd.current = atEnd();
  }, [box, apply, atEnd]);

  // Whoever scrolls decides where to be.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const letGo = () => {
      actedAt.current = performance.now();
      if (goal.current?.kind === "seq") goal.current = atEnd() ? { kind: "end" } : undefined;
    };
    const names = ["wheel", "touchmove", "pointerdown", "keydown"] as const;
    for (const name of names) element.addEventListener(name, letGo, { passive: true });
    return () => {
      for (const name of names) element.removeEventListener(name, letGo);
    };
  }, [box, atEnd]);

  return useMemo(() => ({ goal, aim, apply, arrived, scrolled, atEnd }), [aim, apply, arrived, scrolled, atEnd]);
}
