/** Changes the display name, the picture and the words about oneself. */

import type { User } from "@skein/client";
import { type SubmitEvent, useState } from "react";
import { useNotices } from "../state/notices";
import { useClient } from "../state/session";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { checkDisplayName } from "../welcome/rules";
import { PictureChoice } from "./PictureChoice";
import styles from "./ProfileForm.module.css";
import { Section } from "./Section";

export function ProfileForm({ me }: { me: User }) {
  const text = useText();
  const client = useClient();
  const notices = useNotices();
  const [displayName, setDisplayName] = useState(me.displayName);
  const [bio, setBio] = useState(me.bio);
  const [busy, setBusy] = useState(false);

  const name = displayName.trim();
  const error = checkDisplayName(name, text);
  const changed = name !== me.displayName || bio.trim() !== me.bio;

  const change = async (fields: { displayName?: string; bio?: string; avatar?: string }) => {
    setBusy(true);
    try {
      await client.updateProfile(fields);
      notices.tell(text.settings.saved);
    } catch (thrown) {
      notices.fail(thrown);
    } finally {
      setBusy(false);
    }
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (name !== "" && error === undefined) void change({ displayName: name, bio: bio.trim() });
  };

  return (
    <Section>
      <PictureChoice me={me} busy={busy} onChange={(avatar) => void change({ avatar })} />
      <form className={styles.form} noValidate onSubmit={submit}>
        <Field
          label={text.settings.displayName}
          value={displayName}
          error={error}
          autoComplete="name"
          onChange={(event) => setDisplayName(event.target.value)}
        />
        <Field label={text.settings.bio} value={bio} maxLength={300} onChange={(event) => setBio(event.target.value)} />
        <div className={styles.actions}>
          <Button kind="primary" type="submit" busy={busy} disabled={!changed || name === "" || error !== undefined}>
            {text.shell.save}
          </Button>
        </div>
      </form>
    </Section>
  );
}
