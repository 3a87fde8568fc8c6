/** The button that begins something new, its menu, and the dialogs behind it. */

import { type MouseEvent, useState } from "react";
import { usePlace } from "../state/place";
import { useClient } from "../state/session";
import { useText } from "../text/useText";
import { IconButton } from "../ui/IconButton";
import { Menu, type MenuItem } from "../ui/Menu";
import { NewGroup } from "./NewGroup";
import { NewMessage } from "./NewMessage";

export function NewChat() {
  const text = useText();
  const client = useClient();
  const [, go] = usePlace();
  const [menuAt, setMenuAt] = useState<HTMLElement>();
  const [dialog, setDialog] = useState<"message" | "group">();
  const close = () => setDialog(undefined);

  const items: MenuItem[] = [
    { icon: "person", label: text.list.newMessage, onSelect: () => setDialog("message") },
    { icon: "people", label: text.list.newGroup, onSelect: () => setDialog("group") },
    {
      icon: "bookmark",
      label: text.shell.notesToSelf,
      onSelect: () => go({ at: "chat", conversationId: client.direct(client.userId).id }),
    },
  ];

  return (
    <>
      <IconButton
        icon="plus"
        label={text.list.newChat}
        aria-haspopup="menu"
        aria-expanded={menuAt !== undefined}
        onClick={(event: MouseEvent<HTMLElement>) => setMenuAt(event.currentTarget)}
      />
      {menuAt !== undefined && <Menu items={items} at={menuAt} onClose={() => setMenuAt(undefined)} />}
      {dialog === "message" && <NewMessage onClose={close} />}
      {dialog === "group" && <NewGroup onClose={close} />}
    </>
  );
}
