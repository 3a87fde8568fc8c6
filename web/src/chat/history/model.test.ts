/** The row model: days, groups of bubbles, windows, pages. */

import type { Message } from "@skein/client";
import { describe, expect, it } from "vitest";
import { PAGE, pagesFor } from "./pages";
import { earlierWindow, keptWindow, laterWindow, newestWindow, ROWS_MAX, windowAround } from "./rowWindow";
import { Shape, shapeAt, shapeOfOutgoing, shownBefore } from "./shape";

const noon = new Date(2024, 4, 10, 12).getTime();
const minute = 60_000;

function said(seq: number, senderId: string, timeMs: number, rest: Partial<Message> = {}): Message {
  return {
    messageId: `${seq}`,
    conversationId: "c",
    seq,
    version: seq,
    senderId,
    clientMessageId: `${seq}`,
    content: { type: "text", text: "x" },
    state: "sent",
    clientTimeMs: timeMs,
    serverTimeMs: timeMs,
    changedTimeMs: 0,
    editCount: 0,
    recalledBy: "0",
    noCount: false,
    noListMove: false,
    sortKey: 0n,
    ...rest,
  };
}

function shapes(rows: readonly (Message | null | undefined)[]): number[] {
  return rows.map((_, index) => shapeAt((seq) => rows[seq - 1], index + 1, 1));
}

describe("shapeAt", () => {
  it("groups what one person says within five minutes", () => {
    const rows = [
      said(1, "a", noon),
      said(2, "a", noon + 4 * minute),
      said(3, "b", noon + 5 * minute),
      said(4, "b", noon + 11 * minute),
    ];
    expect(shapes(rows)).toEqual([Shape.day | Shape.head, 0, Shape.head, Shape.head]);
  });

  it("begins a day", () => {
    expect(shapes([said(1, "a", noon), said(2, "a", noon + 24 * 60 * minute)])[1]).toBe(Shape.day | Shape.head);
  });

  it("looks past what is deleted, and waits for what is not loaded", () => {
    expect(shapes([said(1, "a", noon), null, null, said(4, "a", noon + minute)])).toEqual([3, 0, 0, 0]);
    expect(shapes([null, said(2, "a", noon)])[1]).toBe(Shape.day | Shape.head);
    expect(shapes([undefined, said(2, "a", noon)])[1]).toBe(Shape.head);
    expect(shownBefore((seq) => (seq === 1 ? said(1, "a", noon) : null), 5000, 1)).toBeUndefined();
  });

  it("does not group over a line", () => {
    const recalled = said(2, "a", noon, { state: "recalled" });
    expect(shapes([said(1, "a", noon), recalled, said(3, "a", noon)])).toEqual([3, 2, 2]);
  });

  it("goes on into what is being sent", () => {
    const lookup = (seq: number) => (seq === 1 ? said(1, "me", noon) : undefined);
    const outgoing = [{ clientTimeMs: noon + minute }, { clientTimeMs: noon + 30 * minute }];
    const at = (index: number) => shapeOfOutgoing(lookup, { firstSeq: 1, lastSeq: 1 }, "me", outgoing, index);
    expect([at(0), at(1), at(2)]).toEqual([0, Shape.head, 0]);
    expect(shapeOfOutgoing(lookup, { firstSeq: 1, lastSeq: 0 }, "me", outgoing, 0)).toBe(Shape.day | Shape.head);
  });
});

describe("windows", () => {
  it("has every row while that works", () => {
    expect(newestWindow({ firstSeq: 1, lastSeq: 100_000 })).toEqual({ from: 1, to: Number.POSITIVE_INFINITY });
    expect(newestWindow({ firstSeq: 1, lastSeq: 0 }).from).toBe(1);
  });

  it("moves back and forth through more", () => {
    const range = { firstSeq: 1, lastSeq: 500_000 };
    const newest = newestWindow(range);
    expect(newest.from).toBe(300_001);
    const earlier = earlierWindow(newest, range);
    expect(earlier.from).toBeLessThan(newest.from);
    expect(earlier.to).toBeGreaterThanOrEqual(newest.from);
    expect(earlier.to - earlier.from + 1).toBe(ROWS_MAX);
    const first = earlierWindow(earlier, range);
    expect(first.from).toBe(1);
    expect(laterWindow(earlier, range)).toEqual(newest);
    expect(windowAround(5, newest, range).from).toBe(1);
    expect(windowAround(400_000, first, range)).toEqual(newest);
    expect(windowAround(400_000, newest, range)).toBe(newest);
  });

  it("follows a cleared history", () => {
    const range = { firstSeq: 1, lastSeq: 10 };
    const newest = newestWindow(range);
    expect(keptWindow(newest, { firstSeq: 1, lastSeq: 12 })).toBe(newest);
    expect(keptWindow(newest, { firstSeq: 11, lastSeq: 10 }).from).toBe(11);
  });
});

describe("pagesFor", () => {
  it("takes a page on both sides, whole pages, inside of the range", () => {
    expect(pagesFor(1010, 1030, 1, 100_000)).toEqual({ from: 950, to: 1099 });
    expect(pagesFor(1, 10, 1, 100_000)).toEqual({ from: 1, to: 99 });
    expect(pagesFor(99_990, 100_003, 1, 100_000)).toEqual({ from: 99_900, to: 100_000 });
    expect(pagesFor(1, 5, 1, 0)).toBeUndefined();
    expect(PAGE).toBe(50);
  });
});
