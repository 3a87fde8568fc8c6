/** Asks before something is done that cannot be undone. It stays open, and busy, until that is done. */

import { type ReactNode, useState } from "react";
import { useNotices } from "../state/notices";
import { useText } from "../text/useText";
import { Button } from "./Button";
import { Dialog } from "./Dialog";

export interface ConfirmProps {
  title: string;
  children: ReactNode;
  /** What the button says that does it. */
  confirm: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

export function Confirm({ title, children, confirm, onConfirm, onClose }: ConfirmProps) {
  const text = useText();
  const notices = useNotices();
  const [busy, setBusy] = useState(false);

  const run = async () => {
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setBusy(false);
      notices.fail(error);
    }
  };

  const actions = (
    <>
      <Button onClick={onClose}>{text.shell.cancel}</Button>
      <Button kind="danger" busy={busy} onClick={() => void run()}>
        {confirm}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} actions={actions}>
      {children}
    </Dialog>
  );
}
