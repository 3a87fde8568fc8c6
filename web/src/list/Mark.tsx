/** A small sign beside a title, with its meaning for those who do not see it. */

import { classNames } from "../ui/classNames";
import { Icon, type IconName } from "../ui/Icon";
import styles from "./Mark.module.css";

export function Mark({ icon, label, strong = false }: { icon: IconName; label: string; strong?: boolean }) {
  return (
    <span className={classNames(styles.mark, strong && styles.strong)} title={label}>
      <Icon name={icon} size={14} />
      <span className="visually-hidden">{label}</span>
    </span>
  );
}
