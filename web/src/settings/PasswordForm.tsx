/** Changes the password. */

import { type SubmitEvent, useState } from "react";
import { useNotices } from "../state/notices";
import { useClient } from "../state/session";
import { errorCode } from "../text/errorText";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { PasswordField } from "../welcome/PasswordField";
import { PasswordRules } from "../welcome/PasswordRules";
import { checkNewPassword } from "../welcome/rules";
import styles from "./ProfileForm.module.css";
import { Section } from "./Section";

export function PasswordForm({ username }: { username: string }) {
  const text = useText();
  const client = useClient();
  const notices = useNotices();
  const [oldPassword, setOldPassword] = useState("");
  const [newPassword, setNewPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [wrong, setWrong] = useState(false);
  const newError = checkNewPassword(newPassword, text);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setTried(true);
    if (oldPassword === "" || newError !== undefined) return;
    setBusy(true);
    try {
      await client.changePassword(oldPassword, newPassword);
      setOldPassword("");
      setNewPassword("");
      setTried(false);
      notices.tell(text.settings.passwordChanged);
    } catch (error) {
      if (errorCode(error, text) === "WRONG_CREDENTIALS") setWrong(true);
      else notices.fail(error);
    } finally {
      setBusy(false);
    }
  };

  const missing = tried && oldPassword === "" ? text.welcome.passwordMissing : undefined;
  return (
    <Section title={text.settings.password} about={text.settings.passwordAbout}>
      <form className={styles.form} noValidate onSubmit={(event) => void submit(event)}>
        <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
        <PasswordField
          label={text.settings.oldPassword}
          value={oldPassword}
          error={wrong ? text.settings.oldPasswordWrong : missing}
          autoComplete="current-password"
          onChange={(event) => {
            setOldPassword(event.target.value);
            setWrong(false);
          }}
        />
        <PasswordField
          label={text.settings.newPassword}
          value={newPassword}
          error={tried ? newError : undefined}
          hint={tried && newError !== undefined ? undefined : <PasswordRules password={newPassword} />}
          autoComplete="new-password"
          onChange={(event) => setNewPassword(event.target.value)}
        />
        <div className={styles.actions}>
          <Button kind="primary" type="submit" busy={busy} disabled={oldPassword === "" || newPassword === ""}>
            {text.settings.changePassword}
          </Button>
        </div>
      </form>
    </Section>
  );
}
