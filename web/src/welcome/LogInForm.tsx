/** Logs in with user name and password. */

import { type SubmitEvent, useState } from "react";
import { useNotices } from "../state/notices";
import { useSession } from "../state/session";
import { errorCode, errorText } from "../text/errorText";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { PasswordField } from "./PasswordField";
import styles from "./Welcome.module.css";

export function LogInForm() {
  const text = useText();
  const session = useSession();
  const notices = useNotices();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [nameError, setNameError] = useState<string>();
  const [passwordError, setPasswordError] = useState<string>();

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const name = username.trim().replace(/^@/, "");
    setNameError(name === "" ? text.welcome.usernameMissing : undefined);
    setPasswordError(password === "" ? text.welcome.passwordMissing : undefined);
    if (name === "" || password === "") return;
    setBusy(true);
    try {
      await session.logIn(name, password);
    } catch (error) {
      if (errorCode(error, text) === "WRONG_CREDENTIALS") setPasswordError(errorText(error, text));
      else notices.fail(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className={styles.form} noValidate onSubmit={(event) => void submit(event)}>
      <Field
        label={text.welcome.username}
        name="username"
        value={username}
        error={nameError}
        dir="ltr"
        autoFocus
        autoComplete="username"
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        onChange={(event) => setUsername(event.target.value)}
      />
      <PasswordField
        label={text.welcome.password}
        name="password"
        value={password}
        error={passwordError}
        autoComplete="current-password"
        onChange={(event) => setPassword(event.target.value)}
      />
      <Button kind="primary" type="submit" busy={busy} className={styles.submit}>
        {text.welcome.logIn}
      </Button>
    </form>
  );
}
