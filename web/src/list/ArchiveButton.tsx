/** The way to the archived conversations, above the list. */

import type { Conversation } from "@skein/client";
import { useText } from "../text/useText";
import { Icon } from "../ui/Icon";
import styles from "./ArchiveButton.module.css";
import { UnreadBadge } from "./UnreadBadge";

export function ArchiveButton({ archived, onOpen }: { archived: readonly Conversation[]; onOpen: () => void }) {
  const text = useText();
  const unread = archived.reduce((sum, conversation) => sum + conversation.current.unread, 0);
  return (
    <button type="button" className={styles.button} onClick={onOpen}>
      <Icon name="archive" />
      <span className={styles.words}>{text.list.archivedCount(archived.length)}</span>
      <UnreadBadge count={unread} quiet />
    </button>
  );
}
