/** The panel about the open conversation: who is in it, and what it is to the reader. */

import { useEffect, useRef } from "react";
import { usePane } from "../chat/pane";
import { ConversationAvatar } from "../list/ConversationAvatar";
import { conversationTitle } from "../list/title";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { IconButton } from "../ui/IconButton";
import { GroupInfo } from "./GroupInfo";
import styles from "./InfoPanel.module.css";
import { LastActions } from "./LastActions";
import { OwnSettings } from "./OwnSettings";
import { PersonInfo } from "./PersonInfo";

export function InfoPanel({ onClose, onLeft }: { onClose: () => void; onLeft: () => void }) {
  const { conversation } = usePane();
  const text = useText();
  const state = useObservable(conversation);
  const title = conversationTitle(conversation, state, text);
  const closeButton = useRef<HTMLButtonElement>(null);
  useEffect(() => closeButton.current?.focus({ preventScroll: true }), []);
  return (
    <>
      {/* Beside the panel where it lies over the messages; the keyboard has Esc. */}
      <div className={styles.veil} onPointerDown={onClose} aria-hidden="true" />
      <aside className={styles.panel} aria-label={text.info.title}>
        <header className={styles.header}>
          <h2>{text.info.title}</h2>
          <IconButton ref={closeButton} icon="close" label={text.info.close} onClick={onClose} />
        </header>
        <div className={styles.body}>
          <div className={styles.hero}>
            <ConversationAvatar state={state} title={title} size={84} />
            <p className={styles.title}>
              <bdi>{title}</bdi>
            </p>
          </div>
          {state.kind === "direct" && <PersonInfo userId={state.peerId} />}
          {state.kind === "group" && state.member && <GroupInfo />}
          <OwnSettings />
          <LastActions onLeft={onLeft} />
        </div>
      </aside>
    </>
  );
}
