/** Which messages to bring for what is on the screen, in whole pages. */

export const PAGE = 50;

export interface Pages {
  readonly from: number;
  readonly to: number;
}

/** The visible seqs and a page on both sides, out to the edges of pages, inside of firstSeq..lastSeq. */
export function pagesFor(from: number, to: number, firstSeq: number, lastSeq: number): Pages | undefined {
  const low = Math.floor((Math.max(from, firstSeq) - PAGE) / PAGE) * PAGE;
  const high = (Math.floor((Math.min(to, lastSeq) + PAGE) / PAGE) + 1) * PAGE - 1;
  const pages = { from: Math.max(firstSeq, low), to: Math.min(lastSeq, high) };
  return pages.to < pages.from ? undefined : pages;
}
