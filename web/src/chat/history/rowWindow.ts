/** Which seqs are rows. All of them, up to a number that a browser can still give a height to. */

/** Rows at most: with their heights they stay below what browsers can scroll. */
export const ROWS_MAX = 200_000;
/** So many rows may come to an open window that follows. */
const GROWTH_MAX = 20_000;
/** Rows that stay in sight when the window moves. */
const OVERLAP = 1_000;

export interface RowWindow {
  /** The seq of the first row. */
  readonly from: number;
  /** The last row, or Infinity: it follows what arrives. */
  readonly to: number;
}

export interface SeqRange {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** The newest rows. */
export function newestWindow({ firstSeq, lastSeq }: SeqRange): RowWindow {
  return { from: Math.max(firstSeq, lastSeq - ROWS_MAX + 1), to: Number.POSITIVE_INFINITY };
}

function windowFrom(from: number, range: SeqRange): RowWindow {
  const first = Math.max(range.firstSeq, from);
  const to = first + ROWS_MAX - 1;
  return to >= range.lastSeq ? newestWindow(range) : { from: first, to };
}

export function earlierWindow(now: RowWindow, range: SeqRange): RowWindow {
  return windowFrom(now.from + OVERLAP - ROWS_MAX, range);
}

export function laterWindow(now: RowWindow, range: SeqRange): RowWindow {
  return windowFrom(now.to - OVERLAP + 1, range);
}

/** A window that has this seq: the same one when it can be. */
export function windowAround(seq: number, now: RowWindow, range: SeqRange): RowWindow {
  if (seq >= now.from && seq <= now.to) return now;
  const newest = newestWindow(range);
  return seq >= newest.from ? newest : windowFrom(seq - ROWS_MAX / 2, range);
}

/** The window after the range has changed: a cleared history takes rows off its top. */
export function keptWindow(now: RowWindow, range: SeqRange): RowWindow {
  const grown = now.to === Number.POSITIVE_INFINITY && range.lastSeq - now.from >= ROWS_MAX + GROWTH_MAX;
  if (!grown && now.from >= range.firstSeq && now.from <= range.lastSeq + 1) return now;
  return newestWindow(range);
}
