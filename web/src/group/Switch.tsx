/** Something that is on or off. */

import styles from "./Switch.module.css";

export function Switch({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <button type="button" role="switch" aria-checked={on} className={styles.line} onClick={() => onChange(!on)}>
      <span>{label}</span>
      <span className={styles.track} />
    </button>
  );
}
