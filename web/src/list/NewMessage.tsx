/** The dialog that begins a one-to-one conversation, by exact user name. */

import { type SubmitEvent, useId, useState } from "react";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Field } from "../ui/Field";
import { useStartDirect } from "./useStartDirect";

export function NewMessage({ onClose }: { onClose: () => void }) {
  const text = useText();
  const formId = useId();
  const direct = useStartDirect(onClose);
  const [username, setUsername] = useState("");

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void direct.start(username);
  };

  const actions = (
    <>
      <Button onClick={onClose}>{text.shell.cancel}</Button>
      <Button kind="primary" type="submit" form={formId} busy={direct.searching} disabled={username.trim() === ""}>
        {text.list.start}
      </Button>
    </>
  );
  return (
    <Dialog title={text.list.newMessage} onClose={onClose} actions={actions}>
      <form id={formId} noValidate onSubmit={submit}>
        <Field
          label={text.list.username}
          value={username}
          error={direct.error}
          hint={text.list.usernameHint}
          autoFocus
          autoComplete="off"
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          onChange={(event) => {
            setUsername(event.target.value);
            direct.forgetError();
          }}
        />
      </form>
    </Dialog>
  );
}
