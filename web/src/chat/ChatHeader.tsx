/** Whose conversation it is: title, members or user name, the way back and to the info. */

import { ConversationAvatar } from "../list/ConversationAvatar";
import { conversationTitle } from "../list/title";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { Icon } from "../ui/Icon";
import { IconButton } from "../ui/IconButton";
import { Below } from "./Below";
import styles from "./ChatHeader.module.css";
import { usePane } from "./pane";

export interface ChatHeaderProps {
  titleId: string;
  info: boolean;
  onInfo: () => void;
  onBack: () => void;
}

export function ChatHeader({ titleId, info, onInfo, onBack }: ChatHeaderProps) {
  const { conversation } = usePane();
  const text = useText();
  const state = useObservable(conversation);
  const title = conversationTitle(conversation, state, text);
  return (
    <header className={styles.header}>
      <IconButton className={styles.back} icon="back" label={text.shell.back} onClick={onBack} />
      <button type="button" className={styles.who} onClick={onInfo} tabIndex={-1} aria-hidden="true">
        <ConversationAvatar state={state} title={title} size={38} />
      </button>
      <div className={styles.words}>
        <h1 id={titleId} className={styles.title} title={title}>
          <bdi>{title}</bdi>
          {state.mute !== "notify" && (
            <span className={styles.mute}>
              <Icon name="mute" size={15} />
            </span>
          )}
        </h1>
        <Below />
      </div>
      <IconButton icon="info" label={text.chat.info} aria-pressed={info} onClick={onInfo} />
    </header>
  );
}
