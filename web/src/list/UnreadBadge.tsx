/** How many messages are unread. Quiet: of a muted conversation. */

import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import styles from "./UnreadBadge.module.css";

export function UnreadBadge({ count, quiet }: { count: number; quiet: boolean }) {
  const text = useText();
  if (count === 0) return null;
  return (
    <span className={classNames(styles.badge, quiet && styles.quiet)}>
      <span aria-hidden="true">{count > 999 ? "999+" : count}</span>
      <span className="visually-hidden">{text.list.unread(count)}</span>
    </span>
  );
}
