/** What takes something away: block, clear, delete, leave. */

import { type ReactNode, useState } from "react";
import { usePane } from "../chat/pane";
import { myRole } from "../chat/people";
import { conversationTitle } from "../list/title";
import { useNotices } from "../state/notices";
import { useObservable } from "../state/useObservable";
import { nameInSentence } from "../text/names";
import { useText } from "../text/useText";
import { Confirm } from "../ui/Confirm";
import { Icon, type IconName } from "../ui/Icon";
import styles from "./InfoPanel.module.css";

type Question = "block" | "clear" | "delete" | "leave";

export function LastActions({ onLeft }: { onLeft: () => void }) {
  const pane = usePane();
  const { client, conversation } = pane;
  const text = useText();
  const words = text.info;
  const notices = useNotices();
  const state = useObservable(conversation);
  const blocked = useObservable(client.blocked).has(state.peerId);
  const [question, setQuestion] = useState<Question>();
  const name = nameInSentence(conversationTitle(conversation, state, text));
  const group = state.kind === "group" && state.member;

  const run = async (work: Promise<void>, thenLeave: boolean) => {
    await work;
    if (thenLeave) onLeft();
  };
  const questions: Readonly<Record<Question, { title: string; body: ReactNode; work: () => Promise<void> }>> = {
    block: {
      title: words.blockQuestion(name),
      body: words.blockText,
      work: () => run(client.setBlocked(state.peerId, true), false),
    },
    clear: { title: words.clearQuestion, body: words.clearText, work: () => run(conversation.clear(), false) },
    delete: { title: words.deleteQuestion, body: words.deleteText, work: () => run(conversation.remove(), true) },
    leave: {
      title: words.leaveQuestion,
      body: myRole(pane) === "owner" && state.memberCount > 1 ? words.leaveOwner : words.leaveText,
      work: () => run(conversation.leave(), true),
    },
  };
  const line = (icon: IconName, label: string, onClick: () => void) => (
    <button type="button" className={styles.danger} onClick={onClick}>
      <Icon name={icon} />
      {label}
    </button>
  );
  const asked = question === undefined ? undefined : questions[question];

  return (
    <section className={styles.settings}>
      {state.kind === "direct" &&
        (blocked
          ? line("block", words.unblock, () => void client.setBlocked(state.peerId, false).catch(notices.fail))
          : line("block", words.block, () => setQuestion("block")))}
      {line("undo", words.clear, () => setQuestion("clear"))}
      {line("trash", words.delete, () => setQuestion("delete"))}
      {group && line("logout", words.leave, () => setQuestion("leave"))}
      {asked !== undefined && question !== undefined && (
        <Confirm
          title={asked.title}
          confirm={words[question]}
          onConfirm={asked.work}
          onClose={() => setQuestion(undefined)}
        >
          {asked.body}
        </Confirm>
      )}
    </section>
  );
}
