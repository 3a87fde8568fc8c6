/** Who has read a message of one's own in a group, and who has not. */

import type { Message } from "@skein/client";
import { exactTime } from "../../text/times";
import { useLanguage, useText } from "../../text/useText";
import { Dialog } from "../../ui/Dialog";
import { Spinner } from "../../ui/Spinner";
import { PersonLine } from "../PersonLine";
import { usePane } from "../pane";
import styles from "./Dialogs.module.css";
import { useFetched } from "./useFetched";

/** More names than this are not listed. */
const SHOWN_MAX = 300;

export function ReadersDialog({ message, onClose }: { message: Message; onClose: () => void }) {
  const pane = usePane();
  const text = useText();
  const language = useLanguage();
  const readers = useFetched(() => pane.conversation.readers(message), onClose);
  const received = new Set(readers?.deliveredIds);
  return (
    <Dialog title={text.chat.readTitle} onClose={onClose}>
      {readers === undefined ? (
        <div className={styles.wait}>
          <Spinner label={text.shell.loading} />
        </div>
      ) : (
        <>
          <h3 className={styles.heading}>{text.chat.readList(readers.read.length)}</h3>
          {readers.read.length === 0 && <p className={styles.none}>{text.chat.nobodyYet}</p>}
          <ul>
            {readers.read.slice(0, SHOWN_MAX).map(({ userId, timeMs }) => (
              <PersonLine key={userId} userId={userId} note={timeMs > 0 ? exactTime(timeMs, language) : ""} />
            ))}
          </ul>
          {readers.unreadIds.length > 0 && (
            <h3 className={styles.heading}>{text.chat.unreadList(readers.unreadIds.length)}</h3>
          )}
          <ul>
            {readers.unreadIds.slice(0, SHOWN_MAX).map((userId) => (
              <PersonLine key={userId} userId={userId} note={received.has(userId) ? text.chat.received : ""} />
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}
