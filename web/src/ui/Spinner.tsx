/** Turns while something is under way. Without a label it is decoration. */

import styles from "./Spinner.module.css";

export function Spinner({ size = 24, label }: { size?: number; label?: string }) {
  return (
    <span className={styles.box}>
      <svg className={styles.spinner} width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true">
        <circle cx="12" cy="12" r="9" stroke="currentColor" strokeOpacity="0.25" strokeWidth="2.5" />
        <path d="M12 3a9 9 0 0 1 9 9" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />
      </svg>
      {label !== undefined && <span className="visually-hidden">{label}</span>}
    </span>
  );
}
