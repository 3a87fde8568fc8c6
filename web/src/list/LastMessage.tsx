/** The second line of a row: the draft, else the last message. */

import type { ConversationState, Message, OutgoingMessage } from "@skein/client";
import { useClient } from "../state/session";
import { useNames } from "../state/useNames";
import { plainName } from "../text/names";
import { peopleOfSystemLine } from "../text/systemLine";
import { useText } from "../text/useText";
import styles from "./LastMessage.module.css";
import { contentPreview, messagePreview, tellsWho } from "./preview";

export interface LastMessageProps {
  state: ConversationState;
  outgoing: OutgoingMessage | undefined;
  open: boolean;
}

export function LastMessage({ state, outgoing, open }: LastMessageProps) {
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
  if (outgoing !== undefined) {
    return (
      <Line sender={state.kind === "group" ? text.shell.you : undefined}>
        {contentPreview(outgoing.content, { me, nameOf, text })}
      </Line>
    );
  }
  if (last === undefined) return <span className={styles.line}>{text.previews.nothingYet}</span>;
  const line = messagePreview(last, { me, nameOf, text });
  const sender = state.kind !== "group" || tellsWho(last) ? undefined : last.senderId;
  const name = sender === me ? text.shell.you : sender && plainName(nameOf(sender));
  return <Line sender={name}>{line}</Line>;
}

function Line({ sender, children }: { sender: string | undefined; children: string }) {
  return (
    <span className={styles.line}>
      {sender !== undefined && (
        <span className={styles.sender}>
          <bdi>{sender}</bdi>:{" "}
        </span>
      )}
      <bdi>{children}</bdi>
    </span>
  );
}

/** Whose names the line needs. */
function peopleOf(last: Message, state: ConversationState, me: string): readonly string[] {
  if (last.content.type === "system") return peopleOfSystemLine(last.content);
  if (last.state === "recalled") return [last.recalledBy === "0" ? last.senderId : last.recalledBy];
  return state.kind === "group" && last.senderId !== me ? [last.senderId] : [];
}
