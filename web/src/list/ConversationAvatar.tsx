/** The picture of a conversation: of the other person, of the group, or the mark of the notes to self. */

import type { ConversationState } from "@skein/client";
import { Avatar } from "../ui/Avatar";
import { Icon } from "../ui/Icon";
import { PresenceDot } from "../ui/PresenceDot";
import styles from "./ConversationAvatar.module.css";

export function ConversationAvatar({
  state,
  title,
  size = 48,
}: {
  state: ConversationState;
  title: string;
  size?: number;
}) {
  if (state.kind === "self") {
    return (
      <span className={styles.notes} style={{ width: size, height: size }}>
        <Icon name="bookmark" size={size * 0.46} />
      </span>
    );
  }
  const id = state.kind === "direct" && state.peerId !== "0" ? state.peerId : state.conversationId;
  const avatar = <Avatar id={id} name={title} src={state.avatar} size={size} />;
  if (state.kind !== "direct" || state.peerId === "0") return avatar;
  return (
    <span className={styles.person} style={{ width: size, height: size }}>
      {avatar}
      <PresenceDot userId={state.peerId} />
    </span>
  );
}
