/** The mark that chooses a message while several are being selected. */

import type { Message } from "@skein/client";
import { contentPreview } from "../../list/preview";
import { useNames } from "../../state/useNames";
import { useText } from "../../text/useText";
import { toggleSelected } from "../actions/selecting";
import { usePane, useSelected } from "../pane";
import styles from "./BubbleRow.module.css";

export function SelectMark({ message }: { message: Message }) {
  const pane = usePane();
  const text = useText();
  const nameOf = useNames([message.senderId]);
  const chosen = useSelected(pane.selection, (selection) => selection?.has(message.messageId) === true);
  const words = contentPreview(message.content, { me: pane.me, nameOf, text });
  return (
    <input
      type="checkbox"
      className={styles.mark}
      aria-label={`${nameOf(message.senderId)}: ${words}`}
      checked={chosen}
      onClick={(event) => event.stopPropagation()}
      onChange={() => toggleSelected(pane, message)}
    />
  );
}
