/** A message in one line, for the list and for notifications. */

import type { Content, Message } from "@skein/client";
import type { Text } from "../text/language";
import { nameInSentence } from "../text/names";
import { systemLine } from "../text/systemLine";

export interface PreviewContext {
  readonly me: string;
  readonly nameOf: (userId: string) => string;
  readonly text: Text;
}

const CHARACTERS_MAX = 160;

export function messagePreview(message: Message, context: PreviewContext): string {
  const words = context.text.previews;
  if (message.state === "deleted") return words.deleted;
  if (message.state === "recalled") {
    const by = message.recalledBy === "0" ? message.senderId : message.recalledBy;
    return by === context.me ? words.recalledByYou : words.recalledBy(nameInSentence(context.nameOf(by)));
  }
  return contentPreview(message.content, context);
}

/** Whether the line tells by itself who did it, so that no name goes before it. */
export function tellsWho(message: Message): boolean {
  return message.content.type === "system" || message.state === "recalled";
}

export function contentPreview(content: Content, { me, nameOf, text }: PreviewContext): string {
  const words = text.previews;
  switch (content.type) {
    case "text":
      return oneLine(content.text) || words.empty;
    case "markdown":
      return oneLine(withoutMarks(content.text)) || words.empty;
    case "image":
      return words.image;
    case "voice":
      return words.voice(duration(content.durationMs));
    case "video":
      return words.video;
    case "file":
      return words.file(oneLine(content.media.name));
    case "location":
      return words.location(oneLine(content.name || content.address));
    case "card":
      return words.card(oneLine(content.title));
    case "merged":
      return words.merged(oneLine(content.title));
    case "sticker":
      return words.sticker(oneLine(content.name));
    case "link":
      return words.link(oneLine(content.title || content.url));
    case "custom":
      return oneLine(content.summary) || words.custom;
    case "system":
      return systemLine(content, nameOf, me, text);
    case "unknown":
      return words.unknown;
  }
}

function oneLine(text: string): string {
  return text
    .slice(0, CHARACTERS_MAX * 2)
    .replace(/\s+/gu, " ")
    .trim()
    .slice(0, CHARACTERS_MAX);
}

/** Drops what Markdown writes around its words. */
function withoutMarks(markdown: string): string {
  return markdown
    .slice(0, CHARACTERS_MAX * 4)
    .replace(/^(```|~~~).*$/gm, "")
    .replace(/^\s{0,3}(#{1,6}|>|[-*+]|\d+[.)])\s+/gm, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/(\*\*|__|~~|`)(.+?)\1/g, "$2")
    .replace(/(^|\W)[*_](\S(?:.*?\S)?)[*_](?=\W|$)/g, "$1$2");
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
