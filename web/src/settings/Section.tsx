/** One card of a settings page. */

import { type ReactNode, useId } from "react";
import styles from "./Section.module.css";

export function Section({ title, about, children }: { title?: string; about?: string; children: ReactNode }) {
  const titleId = useId();
  return (
    <section className={styles.section} aria-labelledby={title === undefined ? undefined : titleId}>
      {title !== undefined && (
        <h2 id={titleId} className={styles.title}>
          {title}
        </h2>
      )}
      {about !== undefined && <p className={styles.about}>{about}</p>}
      {children}
    </section>
  );
}
