/** Blocks somebody by their exact user name. */

import { type SubmitEvent, useState } from "react";
import { useNotices } from "../state/notices";
import { useClient } from "../state/session";
import { errorCode } from "../text/errorText";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import styles from "./BlockSomebody.module.css";

export function BlockSomebody() {
  const text = useText();
  const client = useClient();
  const notices = useNotices();
  const [username, setUsername] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const name = username.trim().replace(/^@/, "");
    setBusy(true);
    try {
      const user = await client.findUser({ username: name });
      if (user.userId === client.userId) {
        setError(text.settings.cannotBlockYourself);
        return;
      }
      await client.setBlocked(user.userId, true);
      setUsername("");
    } catch (thrown) {
      const code = errorCode(thrown, text);
      if (code === "NOT_FOUND" || code === "INVALID_ARGUMENT") setError(text.list.nobody(name));
      else notices.fail(thrown);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className={styles.form} noValidate onSubmit={(event) => void submit(event)}>
      <Field
        className={styles.field}
        label={text.settings.username}
        value={username}
        error={error}
        autoComplete="off"
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        onChange={(event) => {
          setUsername(event.target.value);
          setError(undefined);
        }}
      />
      <Button className={styles.button} kind="danger" type="submit" busy={busy} disabled={username.trim() === ""}>
        {text.settings.block}
      </Button>
    </form>
  );
}
