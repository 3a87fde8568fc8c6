/** One conversation to choose. With `chosen` it can be switched on and off. */

import type { Conversation } from "@skein/client";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { Icon } from "../ui/Icon";
import { ConversationAvatar } from "./ConversationAvatar";
import styles from "./PickRow.module.css";
import { conversationTitle } from "./title";

export interface PickConversationRowProps {
  conversation: Conversation;
  chosen: boolean | undefined;
  onChoose: (conversation: Conversation) => void;
}

export function PickConversationRow({ conversation, chosen, onChoose }: PickConversationRowProps) {
  const text = useText();
  const state = useObservable(conversation);
  const title = conversationTitle(conversation, state, text);
  return (
    <li>
      <button type="button" className={styles.row} aria-pressed={chosen} onClick={() => onChoose(conversation)}>
        <ConversationAvatar state={state} title={title} size={38} />
        <bdi className={styles.name}>{title}</bdi>
        {chosen !== undefined && (
          <span className={classNames(styles.mark, chosen && styles.on)}>
            {chosen && <Icon name="check" size={16} />}
          </span>
        )}
      </button>
    </li>
  );
}
