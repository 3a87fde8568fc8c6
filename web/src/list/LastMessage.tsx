/** The second line of a row: the draft, else the last message. */

import type { ConversationState, Message } from "@skein/client";
import { useClient } from "../state/session";
import { useNames } from "../state/useNames";
import { plainName } from "../text/names";
import { peopleOfSystemLine } from "../text/systemLine";
import { useText } from "../text/useText";
import styles from "./LastMessage.module.css";
import { messagePreview, tellsWho } from "./preview";

export function LastMessage({ state, open }: { state: ConversationState; open: boolean }) {
  const text = useText();
  const me = useClient().userId;
  const last = state.lastMessage;
  const nameOf = useNames(last === undefined ? [] : peopleOf(last, state, me));

  if (state.draft !== "" && !open) {
    return (
      <span className={styles.line}>
        <span className={styles.draft}>{text.list.draft}</span> <bdi>{state.draft.slice(0, 160)}</bdi>
      </span>
    );
  }
  if (last === undefined) return <span className={styles.line}>{text.previews.nothingYet}</span>;
  const line = messagePreview(last, { me, nameOf, text });
  const sender = state.kind !== "group" || tellsWho(last) ? undefined : last.senderId;
  return (
    <span className={styles.line}>
      {sender !== undefined && (
        <span className={styles.sender}>
          <bdi>{sender === me ? text.shell.you : plainName(nameOf(sender))}</bdi>:{" "}
        </span>
      )}
      <bdi>{line}</bdi>
    </span>
  );
}

/** Whose names the line needs. */
function peopleOf(last: Message, state: ConversationState, me: string): readonly string[] {
  if (last.content.type === "system") return peopleOfSystemLine(last.content);
  if (last.state === "recalled") return [last.recalledBy === "0" ? last.senderId : last.recalledBy];
  return state.kind === "group" && last.senderId !== me ? [last.senderId] : [];
}
