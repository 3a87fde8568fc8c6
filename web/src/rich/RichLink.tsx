/** A link out of the app. One with words of its own shows where it leads beside them, when the words name no host. */

import type { ReactNode } from "react";
import styles from "./RichText.module.css";

export function RichLink({ href, auto, children }: { href: string; auto: boolean; children: ReactNode }) {
  const url = new URL(href);
  const host = url.protocol === "mailto:" ? url.pathname : url.host;
  return (
    <>
      <a href={href} title={href} target="_blank" rel="noopener noreferrer nofollow" dir="auto">
        {children}
      </a>
      {!auto && <bdi className={styles.host}> ({host})</bdi>}
    </>
  );
}
