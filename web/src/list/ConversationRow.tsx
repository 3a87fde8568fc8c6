/** One conversation of the list: who, the last message, when, and what waits there. */

import type { Conversation } from "@skein/client";
import { type MouseEvent, memo } from "react";
import { formatPlace } from "../state/place";
import { useObservable } from "../state/useObservable";
import { exactTime, listTime } from "../text/times";
import { useLanguage, useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { IconButton } from "../ui/IconButton";
import { useLongPress } from "../ui/useLongPress";
import { ConversationAvatar } from "./ConversationAvatar";
import type { MenuPoint } from "./ConversationMenu";
import styles from "./ConversationRow.module.css";
import { LastMessage } from "./LastMessage";
import { Mark } from "./Mark";
import { Tick } from "./Tick";
import { conversationTitle } from "./title";
import { UnreadBadge } from "./UnreadBadge";
import { useTail } from "./useTail";

export interface ConversationRowProps {
  conversation: Conversation;
  index: number;
  open: boolean;
  inTabOrder: boolean;
  nowMs: number;
  onFocus: (conversationId: string) => void;
  onMenu: (conversation: Conversation, at: MenuPoint) => void;
}

export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { conversation, index, open, inTabOrder, nowMs, onFocus, onMenu } = props;
  const text = useText();
  const language = useLanguage();
  const state = useObservable(conversation);
  const longPress = useLongPress((at) => onMenu(conversation, at));
  const title = conversationTitle(conversation, state, text);
  const tail = useTail(conversation, state.lastMessage);
  const timeMs = tail.outgoing?.clientTimeMs ?? state.lastMessage?.serverTimeMs;
  const quiet = state.mute !== "notify";

  const onContextMenu = (event: MouseEvent<HTMLElement>) => {
    event.preventDefault();
    // From the keyboard there is no point, or a useless one.
    const pointed = event.button === 2 && (event.clientX !== 0 || event.clientY !== 0);
    onMenu(conversation, pointed ? { x: event.clientX, y: event.clientY } : event.currentTarget);
  };

  return (
    <div className={classNames(styles.row, open && styles.open)}>
      <a
        {...longPress}
        className={styles.link}
        href={formatPlace({ at: "chat", conversationId: conversation.id })}
        data-index={index}
        data-conversation-id={conversation.id}
        draggable={false}
        tabIndex={inTabOrder ? 0 : -1}
        aria-current={open ? "page" : undefined}
        onFocus={() => onFocus(conversation.id)}
        onContextMenu={onContextMenu}
      >
        <ConversationAvatar state={state} title={title} />
        <span className={styles.words}>
          <span className={styles.line}>
            <bdi className={styles.title}>{title}</bdi>
            {state.pinned && <Mark icon="pin" label={text.list.pinned} />}
            {quiet && <Mark icon="mute" label={text.list.muted} />}
            <span className={styles.gap} />
            <Tick state={state} tail={tail} />
            {timeMs !== undefined && (
              <time
                className={styles.time}
                dateTime={new Date(timeMs).toISOString()}
                title={exactTime(timeMs, language)}
              >
                {listTime(timeMs, nowMs, language, text.list.yesterday)}
              </time>
            )}
          </span>
          <span className={styles.line}>
            <LastMessage state={state} outgoing={tail.outgoing} open={open} />
            {state.mentioned && <Mark icon="at" label={text.list.mentioned} strong />}
            <UnreadBadge count={state.unread} quiet={quiet} />
          </span>
        </span>
      </a>
      <IconButton
        className={styles.more}
        icon="more"
        label={text.list.more}
        tabIndex={inTabOrder ? 0 : -1}
        data-index={index}
        aria-haspopup="menu"
        onClick={(event) => onMenu(conversation, event.currentTarget)}
      />
    </div>
  );
});
