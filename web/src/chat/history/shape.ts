/** How a message stands among its neighbours: whether a day begins with it, whether it begins a group of bubbles. */

import type { Message } from "@skein/client";

/** What the history knows of a seq: a message, null for nothing to show, undefined for not loaded. */
export type Lookup = (seq: number) => Message | null | undefined;

export const GROUP_GAP_MS = 5 * 60_000;
/** So many deleted rows are looked past to find the neighbour. */
const GAP_ROWS_MAX = 100;

/** Facts as bits of one number, so that a row can compare them cheaply. */
export const Shape = { day: 1, head: 2 } as const;

/** The nearest message before `seq` that shows something; null: there is none; undefined: not loaded. */
export function shownBefore(lookup: Lookup, seq: number, firstSeq: number): Message | null | undefined {
  const last = Math.max(firstSeq, seq - GAP_ROWS_MAX);
  for (let at = seq - 1; at >= last; at -= 1) {
    const message = lookup(at);
    if (message !== null) return message;
  }
  return last === firstSeq ? null : undefined;
}

export function sameDay(aMs: number, bMs: number): boolean {
  const a = new Date(aMs);
  const b = new Date(bMs);
  return a.getDate() === b.getDate() && a.getMonth() === b.getMonth() && a.getFullYear() === b.getFullYear();
}

/** Whether it is a line over the whole width: written by the system, or all that is left of a message. */
export function isLine(message: Pick<Message, "state" | "content">): boolean {
  return message.state !== "sent" || message.content.type === "system";
}

interface Said {
  readonly senderId: string;
  readonly timeMs: number;
  readonly line: boolean;
}

function saidBy(message: Message): Said {
  return { senderId: message.senderId, timeMs: message.serverTimeMs, line: isLine(message) };
}

/** The bits for something said after `before`. Unloaded neighbours: no day yet, and a group of its own. */
export function shapeAfter(before: Said | null | undefined, said: Said): number {
  if (before === undefined) return Shape.head;
  if (before === null) return Shape.day | Shape.head;
  const day = !sameDay(before.timeMs, said.timeMs) ? Shape.day : 0;
  const apart =
    day !== 0 ||
    before.line ||
    said.line ||
    before.senderId !== said.senderId ||
    Math.abs(said.timeMs - before.timeMs) > GROUP_GAP_MS;
  return day | (apart ? Shape.head : 0);
}

/** The bits of the message at `seq`; 0 when there is none. */
export function shapeAt(lookup: Lookup, seq: number, firstSeq: number): number {
  const message = lookup(seq);
  if (message === null || message === undefined) return 0;
  const before = shownBefore(lookup, seq, firstSeq);
  return shapeAfter(before === null || before === undefined ? before : saidBy(before), saidBy(message));
}

/** The bits of something on its way, which stands `index`th behind the last message. */
export function shapeOfOutgoing(
  lookup: Lookup,
  range: { readonly firstSeq: number; readonly lastSeq: number },
  me: string,
  outgoing: readonly { readonly clientTimeMs: number }[],
  index: number,
): number {
  const here = outgoing[index];
  if (here === undefined) return 0;
  const said = { senderId: me, timeMs: here.clientTimeMs, line: false };
  const earlier = outgoing[index - 1];
  if (earlier !== undefined) return shapeAfter({ senderId: me, timeMs: earlier.clientTimeMs, line: false }, said);
  const before = shownBefore(lookup, range.lastSeq + 1, range.firstSeq);
  return shapeAfter(before === null || before === undefined ? before : saidBy(before), said);
}

/** Whether `seq` is the first with something to show from `dividerSeq` on. */
export function isFirstShownFrom(lookup: Lookup, seq: number, dividerSeq: number): boolean {
  if (dividerSeq === 0 || seq < dividerSeq || seq - dividerSeq > GAP_ROWS_MAX) return false;
  if (!lookup(seq)) return false;
  for (let at = dividerSeq; at < seq; at += 1) if (lookup(at) !== null) return false;
  return true;
}
