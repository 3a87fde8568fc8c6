/** A line over the whole width: what the server wrote, or that a message was taken back. */

import type { Message } from "@skein/client";
import { messagePreview } from "../../list/preview";
import { useNames } from "../../state/useNames";
import { peopleOfSystemLine } from "../../text/systemLine";
import { exactTime } from "../../text/times";
import { useLanguage, useText } from "../../text/useText";
import { usePane } from "../pane";
import styles from "./LineRow.module.css";

function peopleOf(message: Message): readonly string[] {
  if (message.content.type === "system") return peopleOfSystemLine(message.content);
  return [message.recalledBy === "0" ? message.senderId : message.recalledBy];
}

export function LineRow({ message }: { message: Message }) {
  const pane = usePane();
  const text = useText();
  const language = useLanguage();
  const nameOf = useNames(peopleOf(message));
  const former = pane.recalledTexts.get(message.messageId);
  return (
    <article
      className={styles.line}
      data-seq={message.seq}
      data-message-id={message.messageId}
      data-status={message.state === "sent" ? undefined : message.state}
    >
      <p title={exactTime(message.changedTimeMs || message.serverTimeMs, language)}>
        <bdi>{messagePreview(message, { me: pane.me, nameOf, text })}</bdi>
        {message.state === "recalled" && former !== undefined && (
          <button type="button" onClick={() => pane.offered.set(former)}>
            {text.chat.editAgain}
          </button>
        )}
      </p>
    </article>
  );
}
