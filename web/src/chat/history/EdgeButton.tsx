/** At the top of the rows that a browser can hold: the way to those before. */

import styles from "./Floating.module.css";

export function EdgeButton({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" className={styles.edge} onClick={onClick}>
      {label}
    </button>
  );
}
