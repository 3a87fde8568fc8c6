/** Who said it, in a colour that stays with the person. */

import { hueOf } from "../../ui/initials";
import { useNickname } from "../people";
import styles from "./SenderName.module.css";

export function SenderName({ userId }: { userId: string }) {
  const name = useNickname(userId);
  return (
    <p className={styles[`hue${hueOf(userId)}`]} title={name}>
      <bdi>{name}</bdi>
    </p>
  );
}
