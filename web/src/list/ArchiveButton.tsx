/** The way to the archived conversations, above the list. */

import { useText } from "../text/useText";
import { Icon } from "../ui/Icon";
import styles from "./ArchiveButton.module.css";
import { UnreadBadge } from "./UnreadBadge";

export function ArchiveButton(props: { count: number; unread: number; onOpen: () => void }) {
  const { count, unread, onOpen } = props;
  const text = useText();
  return (
    <button type="button" className={styles.button} onClick={onOpen}>
      <Icon name="archive" />
      <span className={styles.words}>{text.list.archivedCount(count)}</span>
      <UnreadBadge count={unread} quiet />
    </button>
  );
}
