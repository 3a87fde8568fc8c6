/** Words the lines that the server writes into groups: who created, added, removed, left, renamed, changed a role. */

import type { Body } from "@skein/client";
import { currentText, type Text } from "./language";
import { nameInSentence } from "./names";

export type SystemBody = Extract<Body, { type: "system" }>;

const NAMES_MAX = 5;

/** `nameOf` gives the display name of anybody; where `me` is given, that person is addressed as "you". */
export function systemLine(
  content: SystemBody,
  nameOf: (userId: string) => string,
  me?: string,
  text: Text = currentText(),
): string {
  const lines = text.systemLines;
  const name = (userId: string, you: string) => (userId === me ? you : nameInSentence(nameOf(userId)));
  const others = content.userIds.filter((userId) => userId !== content.actorId);
  const words = {
    actor: name(content.actorId, lines.youFirst),
    people: people(others, (userId) => name(userId, lines.you), text),
    text: nameInSentence(content.text),
  };
  switch (content.kind) {
    case "group_created":
      return lines.groupCreated(words);
    case "members_added":
      return lines.membersAdded(words);
    case "members_removed":
      return lines.membersRemoved(words);
    case "member_left":
      return lines.memberLeft(words);
    case "renamed":
      return lines.renamed(words);
    case "role_changed":
      return roleLine(content.text, text)(words);
    default:
      return content.text === "" ? lines.unknown : words.text;
  }
}

/** Whose names a system line needs. */
export function peopleOfSystemLine(content: SystemBody): readonly string[] {
  return [content.actorId, ...content.userIds.slice(0, NAMES_MAX + 1)];
}

function roleLine(role: string, text: Text) {
  if (role === "owner") return text.systemLines.becameOwner;
  if (role === "admin") return text.systemLines.becameAdmin;
  return text.systemLines.becameMember;
}

function people(userIds: readonly string[], name: (userId: string) => string, text: Text): string {
  const named = userIds.slice(0, userIds.length > NAMES_MAX ? NAMES_MAX - 1 : NAMES_MAX).map(name);
  if (userIds.length > named.length) named.push(text.systemLines.more(userIds.length - named.length));
  return text.systemLines.join(named);
}
