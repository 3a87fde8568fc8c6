/** A modal dialog: the native element holds the focus, Esc and a click beside it close it. */

import { type PointerEvent, type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { useText } from "../text/useText";
import styles from "./Dialog.module.css";
import { IconButton } from "./IconButton";

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  actions?: ReactNode;
}

export function Dialog({ title, onClose, children, actions }: DialogProps) {
  const text = useText();
  const titleId = useId();
  const box = useRef<HTMLDialogElement>(null);

  // The browser gives the focus back where it was, provided that the element is still in the page when it closes.
  useLayoutEffect(() => {
    const dialog = box.current;
    if (dialog !== null && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);

  const closeWhenBeside = (event: PointerEvent) => {
    if (event.target === box.current && event.button === 0) onClose();
  };

  return (
    <dialog
      ref={box}
      className={styles.dialog}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={closeWhenBeside}
      onKeyDown={(event) => event.stopPropagation()}
      onContextMenu={(event) => event.stopPropagation()}
    >
      <div className={styles.sheet}>
        <header className={styles.header}>
          <h2 id={titleId} className={styles.title} dir="auto">
            {title}
          </h2>
          <IconButton icon="close" label={text.shell.close} onClick={onClose} />
        </header>
        <div className={styles.body}>{children}</div>
        {actions !== undefined && <footer className={styles.actions}>{actions}</footer>}
      </div>
    </dialog>
  );
}
