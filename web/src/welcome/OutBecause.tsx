/** Says why this device is logged out. */

import type { OutReason } from "../state/loginSession";
import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { Icon } from "../ui/Icon";
import styles from "./OutBecause.module.css";

const CALM: ReadonlySet<OutReason> = new Set<OutReason>(["client", "clientOffline", "otherTab"]);

export function OutBecause({ reason }: { reason: OutReason }) {
  const text = useText();
  const words = text.closings[reason];
  const wished = CALM.has(reason);
  return (
    <div className={classNames(styles.note, wished && styles.calm)} role="status" aria-label={text.shell.connection}>
      <Icon name={wished ? "logout" : "warning"} />
      <div>
        <h2 className={styles.title}>{words.title}</h2>
        <p>{words.text}</p>
      </div>
    </div>
  );
}
