/** What a message answers; a click goes there. */

import type { Reply } from "@skein/client";
import { useNotices } from "../../state/notices";
import { useText } from "../../text/useText";
import { usePane } from "../pane";
import { useNickname } from "../people";
import styles from "./Quote.module.css";

export function Quote({ reply }: { reply: Reply }) {
  const pane = usePane();
  const text = useText();
  const notices = useNotices();
  const name = useNickname(reply.senderId);
  const who = reply.senderId === pane.me ? text.shell.you : name;

  const go = async () => {
    const { firstSeq, lastSeq } = pane.history.current;
    const inside = reply.seq >= firstSeq && reply.seq <= lastSeq;
    if (inside) await pane.history.load(reply.seq, reply.seq).catch(() => {});
    if (!inside || pane.history.get(reply.seq) === null) notices.tell(text.chat.originalGone);
    else pane.go.toSeq(reply.seq);
  };

  return (
    <button
      type="button"
      className={styles.quote}
      aria-label={`${text.chat.replyTo(who)}: ${reply.excerpt}`}
      onClick={(event) => {
        if (pane.selection.current !== undefined) return;
        event.stopPropagation();
        void go();
      }}
    >
      <bdi className={styles.name}>{who}</bdi>
      <span className={styles.excerpt} dir="auto">
        {reply.excerpt}
      </span>
    </button>
  );
}
