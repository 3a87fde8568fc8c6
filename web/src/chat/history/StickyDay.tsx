/** The day of the topmost message, floating above while the view moves away from the end. */

import { useEffect, useState } from "react";
import type { Changing } from "../../state/changing";
import { useObservable } from "../../state/useObservable";
import { useLanguage, useText } from "../../text/useText";
import { classNames } from "../../ui/classNames";
import { useHistory } from "../pane";
import { dayLabel } from "../times";
import styles from "./Floating.module.css";
import { Shape, shapeAt } from "./shape";

const ROWS_MAX = 60;
const SHOWN_MS = 1_500;

export function StickyDay({ topSeq, away }: { topSeq: Changing<number>; away: boolean }) {
  const text = useText();
  const language = useLanguage();
  const seq = useObservable(topSeq);
  const [moving, setMoving] = useState(false);
  const label = useHistory((history) => {
    // The day stands above this row anyway.
    if ((shapeAt((at) => history.get(at), seq, history.current.firstSeq) & Shape.day) !== 0) return "";
    for (let at = seq; at < seq + ROWS_MAX; at += 1) {
      const message = history.get(at);
      if (message) return dayLabel(message.serverTimeMs, Date.now(), language, text);
    }
    return "";
  });

  useEffect(() => {
    if (seq === 0) return;
    setMoving(true);
    const timer = setTimeout(() => setMoving(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [seq]);

  return (
    <div className={classNames(styles.day, moving && away && label !== "" && styles.shown)} aria-hidden="true">
      {label}
    </div>
  );
}
