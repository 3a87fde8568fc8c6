/** Creates an account; what the server would refuse is said beside the field, before it is sent. */

import { type SubmitEvent, useState } from "react";
import { useNotices } from "../state/notices";
import { useSession } from "../state/session";
import { errorCode } from "../text/errorText";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { PasswordField } from "./PasswordField";
import { PasswordRules } from "./PasswordRules";
import { checkDisplayName, checkNewPassword, checkUsername } from "./rules";
import styles from "./Welcome.module.css";

export function RegisterForm() {
  const text = useText();
  const session = useSession();
  const notices = useNotices();
  const [username, setUsername] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [taken, setTaken] = useState<string>();

  const name = username.trim();
  const usernameError = taken === name ? text.welcome.usernameTaken : checkUsername(name, text);
  const displayNameError = checkDisplayName(displayName.trim(), text);
  const passwordError = checkNewPassword(password, text);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setTried(true);
    if (usernameError !== undefined || displayNameError !== undefined || passwordError !== undefined) return;
    setBusy(true);
    try {
      await session.register(name, password, displayName.trim());
    } catch (error) {
      if (errorCode(error, text) === "ALREADY_EXISTS") setTaken(name);
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
        error={tried ? usernameError : undefined}
        hint={tried && usernameError === text.welcome.usernameWrong ? undefined : text.welcome.usernameHint}
        dir="ltr"
        autoFocus
        autoComplete="username"
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        onChange={(event) => setUsername(event.target.value)}
      />
      <Field
        label={text.welcome.displayName}
        name="name"
        value={displayName}
        error={tried ? displayNameError : undefined}
        hint={text.welcome.displayNameHint}
        autoComplete="name"
        onChange={(event) => setDisplayName(event.target.value)}
      />
      <PasswordField
        label={text.welcome.password}
        name="new-password"
        value={password}
        error={tried ? passwordError : undefined}
        hint={tried && passwordError !== undefined ? undefined : <PasswordRules password={password} />}
        autoComplete="new-password"
        onChange={(event) => setPassword(event.target.value)}
      />
      <Button kind="primary" type="submit" busy={busy} className={styles.submit}>
        {text.welcome.createAccount}
      </Button>
    </form>
  );
}
