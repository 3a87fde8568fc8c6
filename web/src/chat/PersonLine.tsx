/** A person in a list: picture, name, a note. */

import { useObservable } from "../state/useObservable";
import { Avatar } from "../ui/Avatar";
import styles from "./PersonLine.module.css";
import { usePane } from "./pane";
import { useNickname } from "./people";

export function PersonLine({ userId, note }: { userId: string; note: string }) {
  const name = useNickname(userId);
  const user = useObservable(usePane().client.user(userId));
  return (
    <li className={styles.person}>
      <Avatar id={userId} name={name} src={user?.avatar ?? ""} size={34} />
      <bdi className={styles.name}>{name}</bdi>
      <span className={styles.note}>{note}</span>
    </li>
  );
}
