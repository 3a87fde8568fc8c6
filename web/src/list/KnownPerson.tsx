/** Somebody of a one-to-one conversation, to be chosen or taken out with a click. */

import type { Conversation } from "@skein/client";
import { useObservable } from "../state/useObservable";
import { useUser } from "../state/useUser";
import { plainName } from "../text/names";
import { useText } from "../text/useText";
import { Avatar } from "../ui/Avatar";
import { classNames } from "../ui/classNames";
import { Icon } from "../ui/Icon";
import styles from "./PickRow.module.css";
import { conversationTitle } from "./title";
import type { People } from "./usePeople";

export function KnownPerson({ conversation, people }: { conversation: Conversation; people: People }) {
  const text = useText();
  const state = useObservable(conversation);
  const user = useUser(state.peerId);
  const title = user === undefined ? conversationTitle(conversation, state, text) : plainName(user.displayName);
  const chosen = people.chosen.some((other) => other.userId === state.peerId);

  const toggle = () => {
    if (chosen) people.remove(state.peerId);
    else if (user !== undefined) people.add(user);
  };

  return (
    <li>
      <button type="button" className={styles.row} aria-pressed={chosen} disabled={user === undefined} onClick={toggle}>
        <Avatar id={state.peerId} name={title} src={state.avatar} size={36} />
        <bdi className={styles.name}>{title}</bdi>
        <bdi className={styles.detail}>{user?.username}</bdi>
        <span className={classNames(styles.mark, chosen && styles.on)}>
          {chosen && <Icon name="check" size={16} />}
        </span>
      </button>
    </li>
  );
}
