/** What became of an own message, as a mark. */

import type { MessageStatus } from "@skein/client";
import { useText } from "../../text/useText";
import { classNames } from "../../ui/classNames";
import { Icon, type IconName } from "../../ui/Icon";
import { isGroup, useHistory, usePane } from "../pane";
import styles from "./Meta.module.css";
import type { Said } from "./said";

const ICONS: Readonly<Partial<Record<MessageStatus, IconName>>> = {
  sending: "clock",
  failed: "warning",
  sent: "check",
  delivered: "checks",
  read: "checks",
};

export function Tick({ said: { message }, status }: { said: Said; status: MessageStatus }) {
  const pane = usePane();
  const text = useText().chat;
  const group = isGroup(pane);
  const readers = useHistory((history) => (group && message !== undefined ? history.readerCount(message) : 0));
  const icon = ICONS[status];
  if (icon === undefined || status === "recalled" || status === "deleted") return null;
  // Notes to oneself have nobody else to reach.
  const shown = pane.conversation.current.kind === "self" && message !== undefined ? "sent" : status;
  return (
    <span
      role="img"
      aria-label={text.tick[shown]}
      title={readers > 0 ? text.readBy(readers) : text.tick[shown]}
      className={classNames(styles.tick, styles[shown])}
    >
      <Icon name={ICONS[shown] ?? icon} size={15} />
    </span>
  );
}
