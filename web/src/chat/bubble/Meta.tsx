/** The small print of a message: edited, when, and what became of it. */

import type { MessageStatus } from "@skein/client";
import { clockTime, exactTime } from "../../text/times";
import { useLanguage, useText } from "../../text/useText";
import { usePane } from "../pane";
import styles from "./Meta.module.css";
import type { Said } from "./said";
import { Tick } from "./Tick";

export function Meta({ said, status }: { said: Said; status: MessageStatus | undefined }) {
  const pane = usePane();
  const text = useText().chat;
  const language = useLanguage();
  const { message, timeMs } = said;
  return (
    <span className={styles.meta}>
      {message !== undefined && message.editCount > 0 && (
        <button
          type="button"
          title={text.editedAt(exactTime(message.changedTimeMs, language))}
          onClick={() => pane.overlay.set({ kind: "edits", message })}
        >
          {text.edited}
        </button>
      )}
      <time dateTime={new Date(timeMs).toISOString()} title={exactTime(timeMs, language)}>
        {clockTime(timeMs, language)}
      </time>
      {said.own && status !== undefined && <Tick said={said} status={status} />}
    </span>
  );
}
