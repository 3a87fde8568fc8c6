/** Asks for a name. */

import { type FormEvent, useId, useState } from "react";
import { useNotices } from "../state/notices";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Field } from "../ui/Field";

const CHARACTERS_MAX = 64;

export interface NameDialogProps {
  title: string;
  label: string;
  hint?: string;
  value: string;
  required?: boolean;
  onSave: (name: string) => Promise<void>;
  onClose: () => void;
}

export function NameDialog({ title, label, hint, value, required = false, onSave, onClose }: NameDialogProps) {
  const text = useText();
  const notices = useNotices();
  const formId = useId();
  const [name, setName] = useState(value);
  const [busy, setBusy] = useState(false);
  const missing = required && name.trim() === "";

  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (missing || busy) return;
    setBusy(true);
    try {
      await onSave(name.trim());
      onClose();
    } catch (error) {
      notices.fail(error);
      setBusy(false);
    }
  };

  const actions = (
    <>
      <Button onClick={onClose}>{text.shell.cancel}</Button>
      <Button kind="primary" type="submit" form={formId} busy={busy} disabled={missing}>
        {text.info.save}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} actions={actions}>
      <form id={formId} onSubmit={(event) => void save(event)}>
        <Field
          label={label}
          hint={hint}
          value={name}
          maxLength={CHARACTERS_MAX}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
      </form>
    </Dialog>
  );
}
