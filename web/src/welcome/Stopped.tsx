/** Shown when the server ended the connection for good although the login still holds. */

import type { CloseReason } from "@skein/client";
import { useSession } from "../state/session";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";
import styles from "./Stopped.module.css";

export function Stopped({ reason }: { reason: CloseReason }) {
  const text = useText();
  const words = text.closings[reason];
  const session = useSession();
  const again = (
    <div className={styles.actions}>
      <Button kind="primary" onClick={() => location.reload()}>
        {reason === "PROTOCOL_ERROR" ? text.shell.reload : text.welcome.connectAgain}
      </Button>
      <Button onClick={() => void session.logOut()}>{text.settings.logOutHere}</Button>
    </div>
  );
  return (
    <main className={styles.stopped}>
      <div role="status" aria-label={text.shell.connection}>
        <Empty icon="warning" title={words.title} action={again}>
          {words.text}
        </Empty>
      </div>{" "}
    </main>
  );
}
