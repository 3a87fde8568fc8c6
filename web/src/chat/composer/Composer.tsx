/** Where messages are written, or why they cannot be. */

import { useNotices } from "../../state/notices";
import { useObservable } from "../../state/useObservable";
import { useText } from "../../text/useText";
import { Button } from "../../ui/Button";
import { usePane } from "../pane";
import { useNickname } from "../people";
import styles from "./Composer.module.css";
import { WriteBox } from "./WriteBox";

export function Composer() {
  const { client, conversation } = usePane();
  const text = useText().chat;
  const state = useObservable(conversation);
  const blocked = useObservable(client.blocked);
  if (state.kind === "group" && !state.member) return <p className={styles.closed}>{text.notMember}</p>;
  if (state.kind === "direct" && blocked.has(state.peerId)) return <Blocked userId={state.peerId} />;
  return <WriteBox />;
}

function Blocked({ userId }: { userId: string }) {
  const { client } = usePane();
  const text = useText().chat;
  const notices = useNotices();
  const name = useNickname(userId);
  return (
    <div className={styles.closed}>
      <span>{text.youBlocked(name)}</span>
      <Button onClick={() => void client.setBlocked(userId, false).catch(notices.fail)}>{text.unblock}</Button>
    </div>
  );
}
