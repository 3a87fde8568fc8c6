/** What is new: how many messages, and where they begin. */

import type { Lookup } from "./shape";

/** More are not counted one by one. */
export const COUNT_MAX = 999;

/** How many messages of others came after the last one that was seen. */
export function countNew(lookup: Lookup, seenSeq: number, lastSeq: number, me: string): number {
  const from = Math.max(seenSeq + 1, lastSeq - COUNT_MAX + 1);
  let count = 0;
  for (let seq = from; seq <= lastSeq; seq += 1) {
    const message = lookup(seq);
    if (message === undefined || (message !== null && message.senderId !== me && !message.noCount)) count += 1;
  }
  return count;
}

/** The first unread one, 0 when there is none. What oneself has written since the read cursor is not unread, nor what was before it. */
export function firstUnread(
  { firstSeq, lastSeq, readSeq }: { readonly firstSeq: number; readonly lastSeq: number; readonly readSeq: number },
  unread: number,
): number {
  if (unread === 0 || readSeq >= lastSeq) return 0;
  return Math.max(firstSeq, readSeq + 1, lastSeq - unread + 1);
}
