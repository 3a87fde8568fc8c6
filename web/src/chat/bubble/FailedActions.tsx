/** Under a message that could not be sent: why, and what to do. */

import type { OutgoingMessage } from "@skein/client";
import { useNotices } from "../../state/notices";
import { errorText } from "../../text/errorText";
import { useText } from "../../text/useText";
import { usePane } from "../pane";
import styles from "./FailedActions.module.css";

export function FailedActions({ outgoing }: { outgoing: OutgoingMessage }) {
  const { conversation } = usePane();
  const text = useText();
  const notices = useNotices();
  const run = (work: Promise<void>) => void work.catch(notices.fail);
  return (
    <div className={styles.failed} role="alert">
      <span>{outgoing.error === undefined ? text.chat.tick.failed : errorText(outgoing.error, text)}</span>
      <button type="button" onClick={() => run(conversation.retry(outgoing.clientMessageId))}>
        {text.chat.tryAgain}
      </button>
      <button type="button" onClick={() => run(conversation.cancel(outgoing.clientMessageId))}>
        {text.chat.discard}
      </button>
    </div>
  );
}
