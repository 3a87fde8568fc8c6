/** A thing in a bubble: an icon, its name, what is known of it, and where it leads. */

import type { ReactNode } from "react";
import { safeHref } from "../../rich/links";
import { useText } from "../../text/useText";
import { Icon, type IconName } from "../../ui/Icon";
import styles from "./Card.module.css";

export interface CardProps {
  icon: IconName;
  title: string;
  note: string;
  href?: string;
  meta: ReactNode;
}

export function Card({ icon, title, note, href, meta }: CardProps) {
  const text = useText().chat;
  const safe = href === undefined ? undefined : safeHref(href);
  return (
    <div className={styles.card}>
      <span className={styles.icon}>
        <Icon name={icon} size={22} />
      </span>
      <div className={styles.words}>
        <p className={styles.title} dir="auto">
          {title}
        </p>
        {note !== "" && (
          <p className={styles.note} dir="auto">
            {note}
          </p>
        )}
        {safe !== undefined && (
          <a href={safe} title={safe} target="_blank" rel="noopener noreferrer nofollow">
            {text.openOutside}
            <bdi className={styles.host}> ({new URL(safe).host || new URL(safe).pathname})</bdi>
          </a>
        )}
        {meta}
      </div>
    </div>
  );
}
