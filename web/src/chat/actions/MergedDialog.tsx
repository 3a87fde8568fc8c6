/** All messages of a merged forward. One that is inside of it opens in the same place, with a way back. */

import type { Content } from "@skein/client";
import { useState } from "react";
import { exactTime } from "../../text/times";
import { useLanguage, useText } from "../../text/useText";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import styles from "./Dialogs.module.css";
import { PlainContent } from "./PlainContent";

export function MergedDialog({ content, onClose }: { content: Content; onClose: () => void }) {
  const text = useText();
  const language = useLanguage();
  const [path, setPath] = useState<readonly Content[]>([content]);
  const shown = path.at(-1);
  if (shown?.type !== "merged") return null;
  const back = path.length > 1 && <Button onClick={() => setPath(path.slice(0, -1))}>{text.shell.back}</Button>;
  return (
    <Dialog title={shown.title || text.chat.chatHistory} onClose={onClose} actions={back}>
      <ol>
        {shown.items.map((item, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the items of a message never move
          <li key={index} className={styles.item}>
            <p className={styles.head}>
              <bdi>{item.senderName || text.shell.somebody}</bdi>
              <time>{exactTime(item.timeMs, language)}</time>
            </p>
            {item.content.type === "merged" ? (
              <Button onClick={() => setPath([...path, item.content])}>
                {item.content.title || text.chat.chatHistory}
              </Button>
            ) : (
              <PlainContent content={item.content} />
            )}
          </li>
        ))}
      </ol>
    </Dialog>
  );
}
