/** The notices in sight, above everything else, also above dialogs. */

import { useEffect, useRef } from "react";
import { useText } from "../text/useText";
import { Toast } from "./Toast";
import styles from "./Toasts.module.css";

export interface ToastNotice {
  readonly id: number;
  readonly text: string;
  readonly failure: boolean;
}

export function Toasts({ notices, onGone }: { notices: readonly ToastNotice[]; onGone: (id: number) => void }) {
  const text = useText();
  const box = useRef<HTMLDivElement>(null);
  const newest = notices.at(-1)?.id;

  // Shown anew for each notice: what was shown last is on top, also of a dialog that was opened meanwhile.
  useEffect(() => {
    const region = box.current;
    if (region === null) return;
    if (region.matches(":popover-open")) region.hidePopover();
    if (newest !== undefined) region.showPopover();
  }, [newest]);

  return (
    <section ref={box} popover="manual" className={styles.toasts} aria-label={text.shell.notices} aria-live="polite">
      {notices.map((notice) => (
        <Toast key={notice.id} notice={notice} onGone={onGone} />
      ))}
    </section>
  );
}
