/** The row of a message: the day and the divider above it, then a bubble or a line. */

import type { Message, OutgoingMessage } from "@skein/client";
import { memo, useMemo } from "react";
import { useObservable } from "../../state/useObservable";
import { useLanguage, useText } from "../../text/useText";
import { isFirstShownFrom, isLine, Shape, shapeAt, shapeOfOutgoing } from "../history/shape";
import { useHistory, usePane } from "../pane";
import { dayLabel } from "../times";
import { BubbleRow } from "./BubbleRow";
import { LineRow } from "./LineRow";
import styles from "./MessageRow.module.css";
import { saidOf } from "./said";

export const MessageRow = memo(function MessageRow({ item, seq }: { item: Message | OutgoingMessage; seq: number }) {
  const pane = usePane();
  const text = useText();
  const language = useLanguage();
  const said = useMemo(() => saidOf(item, pane.me), [item, pane.me]);
  const shape = useHistory((history) => {
    const { current } = history;
    const lookup = (at: number) => history.get(at);
    if (said.message !== undefined) return shapeAt(lookup, seq, current.firstSeq);
    return shapeOfOutgoing(lookup, current, pane.me, current.outgoing, seq - current.lastSeq - 1);
  });
  const divided = useDivided(seq);
  const line = said.message !== undefined && isLine(said.message);
  return (
    <>
      {(shape & Shape.day) !== 0 && (
        <Separator className={styles.day} label={dayLabel(said.timeMs, Date.now(), language, text)} />
      )}
      {divided && <Separator className={styles.news} label={text.chat.newMessages} />}
      {line && said.message !== undefined ? (
        <LineRow message={said.message} />
      ) : (
        <BubbleRow said={said} seq={seq} head={(shape & Shape.head) !== 0} />
      )}
    </>
  );
});

/** Whether the divider stands above this row. */
function useDivided(seq: number): boolean {
  const { dividerSeq, history } = usePane();
  const divider = useObservable(dividerSeq);
  return useHistory(() => isFirstShownFrom((at) => history.get(at), seq, divider));
}

function Separator({ label, className }: { label: string; className: string | undefined }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot have words on it
    <div role="separator" aria-label={label} className={className}>
      <span>{label}</span>
    </div>
  );
}
