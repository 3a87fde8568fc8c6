/** The tick of the last message, when it is one's own. */

import type { ConversationState } from "@skein/client";
import { useClient } from "../state/session";
import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { Icon } from "../ui/Icon";
import styles from "./Tick.module.css";
import { tickStatus } from "./tickStatus";

export function Tick({ state }: { state: ConversationState }) {
  const text = useText();
  const status = tickStatus(state, useClient().userId);
  if (status === undefined) return null;
  return (
    <span className={classNames(styles.tick, status === "read" && styles.read)} title={text.previews[status]}>
      <Icon name={status === "sent" ? "check" : "checks"} size={16} />
      <span className="visually-hidden">{text.previews[status]}</span>
    </span>
  );
}
