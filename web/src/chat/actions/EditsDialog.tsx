/** The former contents of an edited message, the newest first. */

import type { Content, Message } from "@skein/client";
import { exactTime } from "../../text/times";
import { useLanguage, useText } from "../../text/useText";
import { Dialog } from "../../ui/Dialog";
import { Spinner } from "../../ui/Spinner";
import { usePane } from "../pane";
import styles from "./Dialogs.module.css";
import { PlainContent } from "./PlainContent";
import { useFetched } from "./useFetched";

export function EditsDialog({ message, onClose }: { message: Message; onClose: () => void }) {
  const pane = usePane();
  const text = useText();
  const language = useLanguage();
  const edits = useFetched(() => pane.conversation.edits(message), onClose);

  const version = (content: Content, label: string, timeMs: number, key: number) => (
    <li key={key} className={styles.item}>
      <p className={styles.head}>
        <bdi>{label}</bdi>
        <time>{exactTime(timeMs, language)}</time>
      </p>
      <PlainContent content={content} />
    </li>
  );
  return (
    <Dialog title={text.chat.editHistory} onClose={onClose}>
      {edits === undefined ? (
        <div className={styles.wait}>
          <Spinner label={text.shell.loading} />
        </div>
      ) : (
        <ol>
          {version(message.content, text.chat.currentVersion, message.changedTimeMs, -1)}
          {edits
            .map((edit, index) => {
              const label = index === 0 ? text.chat.originalText : text.chat.changedText;
              // An entry tells when it was replaced; it was written when the one before it was.
              const writtenMs = edits[index - 1]?.timeMs ?? message.serverTimeMs;
              return version(edit.content, label, writtenMs, index);
            })
            .reverse()}
        </ol>
      )}
    </Dialog>
  );
}
