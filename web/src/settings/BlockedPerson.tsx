/** Somebody who is blocked, with the button to take that back. */

import { useState } from "react";
import { useNotices } from "../state/notices";
import { useClient } from "../state/session";
import { useUser } from "../state/useUser";
import { plainName } from "../text/names";
import { useText } from "../text/useText";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import styles from "./DeviceRow.module.css";

export function BlockedPerson({ userId }: { userId: string }) {
  const text = useText();
  const client = useClient();
  const notices = useNotices();
  const user = useUser(userId);
  const [busy, setBusy] = useState(false);
  const name = plainName(user?.displayName ?? "") || text.shell.somebody;

  const unblock = async () => {
    setBusy(true);
    try {
      await client.setBlocked(userId, false);
    } catch (error) {
      setBusy(false);
      notices.fail(error);
    }
  };

  return (
    <li className={styles.device}>
      <Avatar id={userId} name={name} src={user?.avatar ?? ""} size={40} />
      <div className={styles.words}>
        <p className={styles.name}>
          <bdi>{name}</bdi>
        </p>
        {user !== undefined && <p className={styles.detail}>@{user.username}</p>}
      </div>
      <Button busy={busy} aria-label={text.settings.unblockOf(name)} onClick={() => void unblock()}>
        {text.settings.unblock}
      </Button>
    </li>
  );
}
