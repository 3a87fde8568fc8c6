/** Above the text box: the message that is answered or edited. */

import { contentPreview } from "../../list/preview";
import { nameInSentence } from "../../text/names";
import { useText } from "../../text/useText";
import { Icon } from "../../ui/Icon";
import { IconButton } from "../../ui/IconButton";
import { type Target, usePane } from "../pane";
import { useNickname } from "../people";
import styles from "./TargetBar.module.css";

export function TargetBar({ target, onCancel }: { target: Target; onCancel: () => void }) {
  const pane = usePane();
  const text = useText();
  const { kind, message } = target;
  const name = useNickname(message.senderId);
  const who = message.senderId === pane.me ? text.shell.you : nameInSentence(name);
  const words = contentPreview(message.content, { me: pane.me, nameOf: () => name, text });
  return (
    <div className={styles.bar}>
      <Icon name={kind} size={22} />
      <button type="button" className={styles.words} onClick={() => pane.go.toSeq(message.seq)}>
        <span className={styles.title}>{kind === "edit" ? text.chat.editing : text.chat.replyingTo(who)}</span>
        <span className={styles.excerpt} dir="auto">
          {words}
        </span>
      </button>
      <IconButton
        icon="close"
        label={kind === "edit" ? text.chat.cancelEdit : text.chat.cancelReply}
        onClick={onCancel}
      />
    </div>
  );
}
