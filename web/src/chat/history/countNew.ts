/** How many messages of others came after the last one that was seen. */

import type { Lookup } from "./shape";

/** More are not counted one by one. */
export const COUNT_MAX = 999;

export function countNew(lookup: Lookup, seenSeq: number, lastSeq: number, me: string): number {
  const from = Math.max(seenSeq + 1, lastSeq - COUNT_MAX + 1);
  let count = 0;
  for (let seq = from; seq <= lastSeq; seq += 1) {
    const message = lookup(seq);
    if (message === undefined || (message !== null && message.senderId !== me && !message.noCount)) count += 1;
  }
  return count;
}
