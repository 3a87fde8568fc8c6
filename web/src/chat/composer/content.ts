/** What the composer sends: text, or markdown where it says more than its characters; with its mentions. */

import type { Content, Message, Reply } from "@skein/client";
import type { Atom } from "../../rich/ast";
import { looksLikeMarkdown } from "../../rich/blocks";
import { toMentions, trimAtoms } from "../../rich/mentions";

/** Stands for everybody in place of a user id. */
export const EVERYONE = "everyone";

export interface Written {
  readonly text: string;
  readonly atoms: readonly Atom[];
}

export const nothingWritten: Written = { text: "", atoms: [] };

/** Undefined when there is nothing to send. */
export function contentOf(written: Written, reply?: Reply): Content | undefined {
  const text = written.text.trim();
  if (text === "") return undefined;
  const atoms = trimAtoms(written.text, written.atoms);
  const people = atoms.filter((atom) => atom.userId !== EVERYONE);
  return {
    type: looksLikeMarkdown(text, atoms) ? "markdown" : "text",
    text,
    ...(people.length > 0 ? { mentions: toMentions(text, people) } : {}),
    ...(people.length < atoms.length ? { mentionAll: true } : {}),
    ...(reply === undefined ? {} : { reply }),
  };
}

/** The content of an edited message: what is not text stays. */
export function editedContentOf(written: Written, message: Message): Content | undefined {
  const next = contentOf(written, message.content.reply);
  if (next === undefined) return undefined;
  const { extra, forwardedFrom, mentionAll } = message.content;
  return {
    ...next,
    ...(extra ? { extra } : {}),
    ...(forwardedFrom ? { forwardedFrom } : {}),
    ...(mentionAll ? { mentionAll } : {}),
  };
}

const encoder = new TextEncoder();

/** Bytes in UTF-8. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}
