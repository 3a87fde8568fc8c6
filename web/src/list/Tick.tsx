/** The tick of the last message, when it is one's own. */

import type { ConversationState } from "@skein/client";
import { useClient } from "../state/session";
import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { Icon, type IconName } from "../ui/Icon";
import styles from "./Tick.module.css";
import { type TickStatus, tickStatus } from "./tickStatus";
import type { Tail } from "./useTail";

const ICONS: Readonly<Record<TickStatus, IconName>> = {
  sending: "clock",
  failed: "warning",
  sent: "check",
  delivered: "checks",
  read: "checks",
};

export function Tick({ state, tail }: { state: ConversationState; tail: Tail }) {
  const text = useText();
  const status = tickStatus(state, tail, useClient().userId);
  if (status === undefined) return null;
  return (
    <span className={classNames(styles.tick, styles[status])} title={text.previews[status]}>
      <Icon name={ICONS[status]} size={status === "sending" ? 14 : 16} />
      <span className="visually-hidden">{text.previews[status]}</span>
    </span>
  );
}
