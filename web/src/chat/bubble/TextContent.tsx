/** A text in its bubble. A very long one is folded until it is asked for. */

import type { Content } from "@skein/client";
import { type ReactNode, useState } from "react";
import { countOfOnlyEmoji } from "../../rich/emoji/onlyEmoji";
import { RichText } from "../../rich/RichText";
import { useText } from "../../text/useText";
import { classNames } from "../../ui/classNames";
import { usePane } from "../pane";
import { isBare } from "./bare";
import { isLong } from "./fold";
import styles from "./TextContent.module.css";

export interface TextContentProps {
  content: Extract<Content, { type: "text" | "markdown" }>;
  /** By which it is remembered that it was unfolded. */
  foldId: string;
  meta: ReactNode;
}

export function TextContent({ content, foldId, meta }: TextContentProps) {
  const pane = usePane();
  const text = useText().chat;
  const [open, setOpen] = useState(pane.unfolded.has(foldId));
  const rich = (after: ReactNode) => (
    <RichText type={content.type} text={content.text} mentions={content.mentions} me={pane.me} after={after} />
  );
  if (isBare(content)) {
    return (
      <div className={styles.emoji} data-count={countOfOnlyEmoji(content.text)}>
        <span>{content.text}</span>
        {meta}
      </div>
    );
  }
  if (!isLong(content.text)) return rich(meta);

  const toggle = () => {
    if (open) pane.unfolded.delete(foldId);
    else pane.unfolded.add(foldId);
    setOpen(!open);
  };
  return (
    <>
      <div className={classNames(!open && styles.folded)}>{rich(undefined)}</div>
      <button type="button" className={styles.more} aria-expanded={open} onClick={toggle}>
        {open ? text.showLess : text.showMore}
      </button>
      {meta}
    </>
  );
}
