/** What stands in a conversation without messages. */

import { useObservable } from "../../state/useObservable";
import { useText } from "../../text/useText";
import { Empty } from "../../ui/Empty";
import { usePane } from "../pane";
import styles from "./Floating.module.css";

export function EmptyHistory() {
  const text = useText().chat;
  const { kind } = useObservable(usePane().conversation);
  const notes = kind === "self";
  return (
    <div className={styles.empty}>
      <Empty icon={notes ? "bookmark" : "chat"} title={notes ? text.noNotes : text.noMessages}>
        {notes ? text.noNotesText : text.noMessagesText}
      </Empty>
    </div>
  );
}
