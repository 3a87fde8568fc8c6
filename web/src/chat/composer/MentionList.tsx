/** The people that fit what stands behind the "@". */

import { useEffect, useRef } from "react";
import { useText } from "../../text/useText";
import { Avatar } from "../../ui/Avatar";
import { classNames } from "../../ui/classNames";
import { Icon } from "../../ui/Icon";
import { EVERYONE } from "./content";
import styles from "./MentionList.module.css";
import type { Mentioning } from "./useMentioning";

export function optionId(listId: string, index: number): string {
  return `${listId}-${index}`;
}

export function MentionList({ mentioning }: { mentioning: Mentioning }) {
  const text = useText().chat;
  const { listId, offered, active } = mentioning;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <div ref={list} id={listId} role="listbox" aria-label={text.people} tabIndex={-1} className={styles.list}>
      {offered.map((candidate, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the text box keeps the focus and handles the keys
        <div
          key={candidate.userId}
          id={optionId(listId, index)}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          className={classNames(styles.option, index === active && styles.active)}
          // The text box keeps the focus.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => mentioning.choose(candidate)}
        >
          {candidate.userId === EVERYONE ? (
            <span className={styles.everyone}>
              <Icon name="people" size={18} />
            </span>
          ) : (
            <Avatar id={candidate.userId} name={candidate.name} size={30} />
          )}
          <bdi className={styles.name}>{candidate.name}</bdi>
          {candidate.userId === EVERYONE && <span className={styles.hint}>{text.everyoneHint}</span>}
        </div>
      ))}
    </div>
  );
}
