/** Somebody who is chosen, with a button to take them out again. */

import type { User } from "@skein/client";
import { plainName } from "../text/names";
import { useText } from "../text/useText";
import { Avatar } from "../ui/Avatar";
import { Icon } from "../ui/Icon";
import styles from "./ChosenPerson.module.css";

export function ChosenPerson({ user, onRemove }: { user: User; onRemove: () => void }) {
  const text = useText();
  const name = plainName(user.displayName) || user.username;
  return (
    <li className={styles.person}>
      <Avatar id={user.userId} name={name} src={user.avatar} size={26} />
      <bdi className={styles.name}>{name}</bdi>
      <button type="button" className={styles.remove} aria-label={text.list.remove(name)} onClick={onRemove}>
        <Icon name="close" size={14} />
      </button>
    </li>
  );
}
