/** Sets of whole numbers as sorted, disjoint, inclusive ranges: which seqs of a conversation are held. */

export type Range = readonly [from: number, to: number];

/** With one more range; touching ranges become one. */
export function addRange(ranges: readonly Range[], [from, to]: Range): readonly Range[] {
  if (from > to) return ranges;
  const out: Range[] = [];
  let merged: Range = [from, to];
  for (const range of ranges) {
    if (range[1] < merged[0] - 1) out.push(range);
    else if (range[0] > merged[1] + 1) {
      out.push(merged);
      merged = range;
    } else merged = [Math.min(range[0], merged[0]), Math.max(range[1], merged[1])];
  }
  out.push(merged);
  return out;
}

/** What of a range is not in the set. */
export function missingRanges(ranges: readonly Range[], [from, to]: Range): readonly Range[] {
  const out: Range[] = [];
  let next = from;
  for (const [low, high] of ranges) {
    if (high < next) continue;
    if (low > to) break;
    if (low > next) out.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= to) out.push([next, to]);
  return out;
}
