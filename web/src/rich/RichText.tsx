/** A text or markdown body as elements. Nothing of it is ever HTML. */

import type { Mention } from "@skein/client";
import { memo, useMemo } from "react";
import type { Block, Inline } from "./ast";
import { parseMarkdown } from "./blocks";
import { toAtoms } from "./mentions";
import { parsePlain } from "./plain";
import { RichLink } from "./RichLink";
import styles from "./RichText.module.css";

export interface RichTextProps {
  type: "text" | "markdown";
  text: string;
  mentions?: readonly Mention[] | undefined;
  /** Whose mentions stand out: the reader's user id. */
  me?: string;
}

export const RichText = memo(function RichText({ type, text, mentions, me }: RichTextProps) {
  const content = useMemo(() => {
    const atoms = toAtoms(text, mentions);
    return type === "markdown" ? blocks(parseMarkdown(text, atoms), me) : inlines(parsePlain(text, atoms), me);
  }, [type, text, mentions, me]);
  return (
    <div className={styles.text} dir="auto">
      {content}
    </div>
  );
});

function blocks(nodes: readonly Block[], me: string | undefined) {
  return nodes.map((node, index) => block(node, index, me));
}

function block(node: Block, key: number, me: string | undefined) {
  switch (node.kind) {
    case "paragraph":
      return (
        <p key={key} dir="auto">
          {inlines(node.children, me)}
        </p>
      );
    case "code":
      return (
        <pre key={key} dir="ltr" tabIndex={-1} data-language={node.language || undefined}>
          <code>{node.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote key={key}>{blocks(node.children, me)}</blockquote>;
    case "list": {
      const items = node.items.map((item, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the items of a text never move
        <li key={at}>{blocks(item, me)}</li>
      ));
      return node.ordered ? (
        <ol key={key} start={node.start}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
  }
}

function inlines(nodes: readonly Inline[], me: string | undefined) {
  return nodes.map((node, index) => inline(node, index, me));
}

function inline(node: Inline, key: number, me: string | undefined) {
  switch (node.kind) {
    case "text":
      return node.text;
    case "break":
      return <br key={key} />;
    case "code":
      return (
        <code key={key} dir="ltr">
          {node.text}
        </code>
      );
    case "mention":
      return (
        <bdi key={key} className={node.userId === me ? styles.mentionMe : styles.mention}>
          {node.text}
        </bdi>
      );
    case "link":
      return (
        <RichLink key={key} href={node.href} auto={node.auto}>
          {inlines(node.children, me)}
        </RichLink>
      );
    case "strong":
      return <strong key={key}>{inlines(node.children, me)}</strong>;
    case "emphasis":
      return <em key={key}>{inlines(node.children, me)}</em>;
    case "strike":
      return <s key={key}>{inlines(node.children, me)}</s>;
  }
}
