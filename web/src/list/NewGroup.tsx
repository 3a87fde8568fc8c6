/** The dialog that creates a group. */

import { useState } from "react";
import { useNotices } from "../state/notices";
import { usePlace } from "../state/place";
import { useClient } from "../state/session";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Field } from "../ui/Field";
import { ChoosePeople } from "./ChoosePeople";
import styles from "./NewGroup.module.css";
import { usePeople } from "./usePeople";

const NAME_CHARS_MAX = 64;

export function NewGroup({ onClose }: { onClose: () => void }) {
  const text = useText();
  const client = useClient();
  const notices = useNotices();
  const [, go] = usePlace();
  const people = usePeople([]);
  const [name, setName] = useState("");
  const [nameError, setNameError] = useState<string>();
  const [busy, setBusy] = useState(false);

  const create = async () => {
    if (name.trim() === "") {
      setNameError(text.list.groupNameMissing);
      return;
    }
    setBusy(true);
    try {
      // A name that was typed but not added yet is meant too.
      const chosen = await people.addTyped();
      if (chosen === undefined) {
        setBusy(false);
        return;
      }
      const userIds = chosen.map((user) => user.userId);
      const group = await client.createGroup(name.trim(), userIds);
      go({ at: "chat", conversationId: group.id });
      onClose();
    } catch (error) {
      setBusy(false);
      notices.fail(error);
    }
  };

  const actions = (
    <>
      <Button onClick={onClose}>{text.shell.cancel}</Button>
      <Button kind="primary" busy={busy} onClick={() => void create()}>
        {text.list.createGroup}
      </Button>
    </>
  );
  return (
    <Dialog title={text.list.newGroup} onClose={onClose} actions={actions}>
      <div className={styles.form}>
        <Field
          label={text.list.groupName}
          value={name}
          error={nameError}
          maxLength={NAME_CHARS_MAX}
          autoFocus
          autoComplete="off"
          onChange={(event) => {
            setName(event.target.value);
            setNameError(undefined);
          }}
        />
        <ChoosePeople people={people} exclude={[]} />
      </div>
    </Dialog>
  );
}
