/** A member: name, role, and what may be done. */

import type { Member, Role } from "@skein/client";
import { memo, useRef, useState } from "react";
import { usePane } from "../chat/pane";
import { useNotices } from "../state/notices";
import { usePlace } from "../state/place";
import { useObservable } from "../state/useObservable";
import { nameInSentence } from "../text/names";
import { useText } from "../text/useText";
import { Avatar } from "../ui/Avatar";
import { Confirm } from "../ui/Confirm";
import { IconButton } from "../ui/IconButton";
import { Menu, type MenuItem } from "../ui/Menu";
import styles from "./MemberRow.module.css";
import { actionsOn, type MemberAction, nameOfMember } from "./roster";

export const MemberRow = memo(function MemberRow({ member, mine }: { member: Member; mine: Role }) {
  const { client, conversation, me } = usePane();
  const text = useText();
  const notices = useNotices();
  const [, go] = usePlace();
  const [menu, setMenu] = useState(false);
  const [question, setQuestion] = useState<"transfer" | "remove">();
  const button = useRef<HTMLButtonElement>(null);
  const { userId, role } = member;
  const user = useObservable(client.user(userId));
  const name = nameOfMember(member) || user?.displayName || text.shell.somebody;
  const said = nameInSentence(name);
  const setRole = (next: Role) => conversation.setRole(userId, next);

  const item = (action: MemberAction): MenuItem => {
    switch (action) {
      case "makeAdmin":
        return {
          icon: "people",
          label: text.info.makeAdmin,
          onSelect: () => void setRole("admin").catch(notices.fail),
        };
      case "makeMember":
        return {
          icon: "person",
          label: text.info.makeMember,
          onSelect: () => void setRole("member").catch(notices.fail),
        };
      case "transfer":
        return { icon: "forward", label: text.info.transfer, onSelect: () => setQuestion("transfer") };
      case "remove":
        return { icon: "trash", label: text.info.remove, danger: true, onSelect: () => setQuestion("remove") };
    }
  };
  const items = (): MenuItem[] => [
    {
      icon: "chat",
      label: text.info.message,
      onSelect: () => go({ at: "chat", conversationId: client.direct(userId).id }),
    },
    ...actionsOn(role, mine).map(item),
  ];

  return (
    <li className={styles.member}>
      <Avatar id={userId} name={name} src={user?.avatar ?? ""} size={38} />
      <span className={styles.words}>
        <bdi className={styles.name}>{name}</bdi>
        {user !== undefined && <bdi className={styles.username}>@{user.username}</bdi>}
      </span>
      {userId === me && <span className={styles.mark}>{text.info.you}</span>}
      {(role === "owner" || role === "admin") && <span className={styles.mark}>{text.info[role]}</span>}
      {userId !== me && (
        <IconButton
          ref={button}
          icon="more"
          label={text.info.memberActions}
          aria-haspopup="menu"
          aria-expanded={menu}
          onClick={() => setMenu(true)}
        />
      )}
      {menu && button.current !== null && <Menu items={items()} at={button.current} onClose={() => setMenu(false)} />}
      {question !== undefined && (
        <Confirm
          title={question === "remove" ? text.info.removeQuestion(said) : text.info.transferQuestion(said)}
          confirm={text.info[question]}
          onConfirm={() => (question === "remove" ? conversation.removeMembers([userId]) : setRole("owner"))}
          onClose={() => setQuestion(undefined)}
        >
          {question === "transfer" ? text.info.transferText : said}
        </Confirm>
      )}
    </li>
  );
});
