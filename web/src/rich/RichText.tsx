/** A text or markdown body as elements. Nothing of it is ever HTML. */

import type { Mention } from "@skein/client";
import { type ReactNode, useMemo } from "react";
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
  /** Goes to the end of the last line. */
  after?: ReactNode;
}

export function RichText({ type, text, mentions, me, after }: RichTextProps) {
  const { content, last } = useMemo(() => {
    const atoms = toAtoms(text, mentions);
    if (type === "text") return { content: inlines(parsePlain(text, atoms), me), last: undefined };
    const parsed = parseMarkdown(text, atoms);
    const end = parsed.at(-1);
    if (end?.kind !== "paragraph") return { content: blocks(parsed, me), last: undefined };
    return { content: blocks(parsed.slice(0, -1), me), last: inlines(end.children, me) };
  }, [type, text, mentions, me]);
  return (
    <div className={styles.text} dir="auto">
      {content}
      {last === undefined ? (
        after
      ) : (
        <p dir="auto">
          {last}
          {after}
        </p>
      )}
    </div>
  );
}

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
