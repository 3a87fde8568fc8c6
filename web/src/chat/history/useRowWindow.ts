/** The rows of the history: which seqs they are, and how many with what is on its way. */

import { useMemo, useState } from "react";
import { useHistory, usePane } from "../pane";
import { keptWindow, newestWindow, type RowWindow } from "./rowWindow";

export interface Rows {
  readonly window: RowWindow;
  readonly count: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The newest is among them. */
  readonly following: boolean;
  readonly outgoing: number;
  /** For the list: only its length matters. */
  readonly data: ArrayLike<undefined>;
  readonly show: (window: RowWindow) => void;
}

export function useRowWindow(): Rows {
  const { history } = usePane();
  // Only these make other rows; what changes inside of a row, that row watches itself.
  useHistory(({ current }) => `${current.firstSeq} ${current.lastSeq} ${current.outgoing.length}`);
  const { firstSeq, lastSeq, outgoing } = history.current;
  const [chosen, show] = useState(() => newestWindow(history.current));
  const window = keptWindow(chosen, { firstSeq, lastSeq });
  if (window !== chosen) show(window);

  const following = window.to >= lastSeq;
  const last = following ? lastSeq : window.to;
  const count = Math.max(0, last - window.from + 1) + (following ? outgoing.length : 0);
  const data = useMemo(() => ({ length: count }), [count]);
  // The same object until other rows are there: where the view is put follows from rows, and must not follow from itself.
  return useMemo(
    () => ({ window, count, firstSeq, lastSeq, following, outgoing: outgoing.length, data, show }),
    [window, count, firstSeq, lastSeq, following, outgoing.length, data],
  );
}
