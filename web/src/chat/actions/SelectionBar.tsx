/** In place of the composer while messages are being selected. */

import { useObservable } from "../../state/useObservable";
import { useText } from "../../text/useText";
import { Button } from "../../ui/Button";
import { usePane } from "../pane";
import styles from "./SelectionBar.module.css";
import { selectedMessages } from "./selecting";

export function SelectionBar() {
  const pane = usePane();
  const text = useText().chat;
  const selection = useObservable(pane.selection) ?? new Map();
  const none = selection.size === 0;
  const open = (kind: "forward" | "delete") => pane.overlay.set({ kind, messages: selectedMessages(selection) });
  return (
    <div className={styles.bar} role="toolbar" aria-label={text.selected(selection.size)}>
      <span className={styles.count} role="status">
        {text.selected(selection.size)}
      </span>
      <Button disabled={none} onClick={() => open("forward")}>
        {text.forward}
      </Button>
      <Button kind="danger" disabled={none} onClick={() => open("delete")}>
        {text.deleteForMe}
      </Button>
      <Button onClick={() => pane.selection.set(undefined)}>{text.cancel}</Button>
    </div>
  );
}
