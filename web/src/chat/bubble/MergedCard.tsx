/** Several forwarded messages as one: its first lines; a click opens all. */

import type { Content } from "@skein/client";
import type { ReactNode } from "react";
import { contentPreview } from "../../list/preview";
import { useText } from "../../text/useText";
import { usePane } from "../pane";
import styles from "./Card.module.css";

const LINES = 3;

export interface MergedCardProps {
  content: Extract<Content, { type: "merged" }>;
  meta: ReactNode;
}

export function MergedCard({ content, meta }: MergedCardProps) {
  const pane = usePane();
  const text = useText();
  const context = { me: "", nameOf: () => text.shell.somebody, text };
  return (
    <div className={styles.merged}>
      <button type="button" onClick={() => pane.overlay.set({ kind: "merged", content })}>
        <strong dir="auto">{content.title || text.chat.chatHistory}</strong>
        {content.items.slice(0, LINES).map((item, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the items of a message never move
          <span key={index} className={styles.item} dir="auto">
            <bdi>{item.senderName || text.shell.somebody}</bdi>: {contentPreview(item.content, context)}
          </span>
        ))}
        <span className={styles.count}>{text.chat.mergedCount(content.items.length)}</span>
      </button>
      {meta}
    </div>
  );
}
