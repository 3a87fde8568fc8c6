/** Stands for a message that is not loaded yet. */

import { classNames } from "../../ui/classNames";
import styles from "./Placeholder.module.css";

export function Placeholder({ seq }: { seq: number }) {
  // Scattered, but always the same for a seq.
  const spread = (seq * 2_654_435_761) >>> 0;
  return (
    <div className={styles.row} aria-hidden="true" data-loading={seq}>
      <span
        className={classNames(styles.bubble, (spread & 64) !== 0 && styles.own)}
        style={{ width: `${18 + ((spread >>> 8) % 36)}%` }}
      />
    </div>
  );
}
