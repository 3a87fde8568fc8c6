/** A group: its name, its members, and adding more. */

import type { User } from "@skein/client";
import { useState } from "react";
import { usePane } from "../chat/pane";
import { mayGovern, myRole } from "../chat/people";
import { PickPeople } from "../list/PickPeople";
import { useNotices } from "../state/notices";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import styles from "./InfoPanel.module.css";
import { Members } from "./Members";
import { NameDialog } from "./NameDialog";

export function GroupInfo() {
  const pane = usePane();
  const { conversation } = pane;
  const text = useText().info;
  const notices = useNotices();
  const members = useObservable(conversation.members);
  const { title } = useObservable(conversation);
  const [open, setOpen] = useState<"rename" | "add">();
  const close = () => setOpen(undefined);

  const add = async (users: User[]) => {
    close();
    try {
      await conversation.addMembers(users.map((user) => user.userId));
      notices.tell(text.added(users.length));
    } catch (error) {
      notices.fail(error);
    }
  };

  return (
    <>
      <div className={styles.buttons}>
        {mayGovern(myRole(pane)) && (
          <Button onClick={() => setOpen("rename")}>
            <Icon name="edit" size={18} />
            {text.rename}
          </Button>
        )}
        <Button onClick={() => setOpen("add")}>
          <Icon name="plus" size={18} />
          {text.addPeople}
        </Button>
      </div>
      <Members members={members} />
      {open === "rename" && (
        <NameDialog
          title={text.rename}
          label={text.groupName}
          value={title}
          required
          onSave={(name) => conversation.rename(name)}
          onClose={close}
        />
      )}
      {open === "add" && (
        <PickPeople
          title={text.addPeople}
          exclude={members.map((member) => member.userId)}
          onPick={(users) => void add(users)}
          onClose={close}
        />
      )}
    </>
  );
}
