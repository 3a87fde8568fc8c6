/** Mentions: spans by Unicode code points on the wire, by UTF-16 offsets here. */
import type { Mention } from "@skein/client";
import type { Atom } from "./ast";

/** The UTF-16 offset of each of the ascending code point offsets; those past the end are left out. */
function utf16Offsets(text: string, wanted: readonly number[]): Map<number, number> {
  const offsets = new Map<number, number>();
  let units = 0;
  let points = 0;
  for (const want of wanted) {
    while (points < want && units < text.length) {
      units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
      points += 1;
    }
    if (points === want) offsets.set(want, units);
  }
  return offsets;
}

/** The spans of a received text that make sense: in order, inside the text, not over one another, each on one line. */
export function toAtoms(text: string, mentions: readonly Mention[] | undefined): Atom[] {
  if (mentions === undefined || mentions.length === 0) return [];
  const spans = mentions
    .filter((span) => Number.isInteger(span.offset) && span.offset >= 0 && span.length > 0)
    .sort((a, b) => a.offset - b.offset);
  const edges = spans.flatMap((span) => [span.offset, span.offset + span.length]).sort((a, b) => a - b);
  const offsets = utf16Offsets(text, edges);
  const atoms: Atom[] = [];
  let free = 0;
  for (const span of spans) {
    const start = offsets.get(span.offset);
    const end = offsets.get(span.offset + span.length);
    if (start === undefined || end === undefined || start < free || text.slice(start, end).includes("\n")) continue;
    atoms.push({ start, end, userId: span.userId });
    free = end;
  }
  return atoms;
}

/** The spans as the server wants them. */
export function toMentions(text: string, atoms: readonly Atom[]): Mention[] {
  const mentions: Mention[] = [];
  let units = 0;
  let points = 0;
  for (const atom of [...atoms].sort((a, b) => a.start - b.start)) {
    points += [...text.slice(units, atom.start)].length;
    units = atom.start;
    const length = [...text.slice(atom.start, atom.end)].length;
    mentions.push({ userId: atom.userId, offset: points, length });
  }
  return mentions;
}

/**
 * The spans after the text was edited: those behind the edit move, one that was edited itself is no mention any more.
 * `caret`: where the cursor stands after the edit; it tells apart edits that look the same.
 */
export function moveAtoms(
  atoms: readonly Atom[],
  before: string,
  after: string,
  caret = after.length,
): readonly Atom[] {
  if (atoms.length === 0 || before === after) return atoms;
  const shorter = Math.min(before.length, after.length);
  const tailMax = Math.min(shorter, after.length - caret);
  let tail = 0;
  while (tail < tailMax && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  let same = 0;
  while (same < shorter - tail && before[same] === after[same]) same += 1;
  const editEnd = before.length - tail;
  const shift = after.length - before.length;
  const moved: Atom[] = [];
  for (const atom of atoms) {
    if (atom.end <= same) moved.push(atom);
    else if (atom.start >= editEnd) moved.push({ ...atom, start: atom.start + shift, end: atom.end + shift });
  }
  return moved;
}

/** The spans inside `text.trim()`. */
export function trimAtoms(text: string, atoms: readonly Atom[]): readonly Atom[] {
  const lead = text.length - text.trimStart().length;
  const end = lead + text.trim().length;
  return atoms
    .filter((atom) => atom.start >= lead && atom.end <= end)
    .map((atom) => ({ ...atom, start: atom.start - lead, end: atom.end - lead }));
}
