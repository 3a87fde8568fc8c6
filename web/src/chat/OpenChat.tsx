/** The parts of an open conversation, side by side. */

import { useEffect, useId, useRef, useState } from "react";
import { InfoPanel } from "../group/InfoPanel";
import { Overlays } from "./actions/Overlays";
import { SelectionBar } from "./actions/SelectionBar";
import { ChatHeader } from "./ChatHeader";
import styles from "./ChatPane.module.css";
import { Composer } from "./composer/Composer";
import { HistoryPane } from "./history/HistoryPane";
import { usePane, useSelected } from "./pane";

export function OpenChat({ onBack }: { onBack: () => void }) {
  const pane = usePane();
  const titleId = useId();
  const [info, setInfo] = useState(false);
  const selecting = useSelected(pane.selection, (selection) => selection !== undefined);

  const box = useRef<HTMLDivElement>(null);

  // Esc leaves what is in the way: the selection, then the panel. Menus and dialogs have their own.
  useEffect(() => {
    const element = box.current;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (event.target instanceof Element && event.target.closest("dialog, [popover]") !== null) return;
      if (pane.selection.current !== undefined) pane.selection.set(undefined);
      else setInfo(false);
    };
    element?.addEventListener("keydown", onKeyDown);
    return () => element?.removeEventListener("keydown", onKeyDown);
  }, [pane]);

  return (
    <div ref={box} className={styles.pane}>
      <main className={styles.chat} aria-labelledby={titleId}>
        <ChatHeader titleId={titleId} info={info} onInfo={() => setInfo(!info)} onBack={onBack} />
        <HistoryPane />
        {selecting ? <SelectionBar /> : <Composer />}
      </main>
      {info && <InfoPanel onClose={() => setInfo(false)} onLeft={onBack} />}
      <Overlays />
    </div>
  );
}
