/** Whom the writer is about to mention. */

import type { Member, Role } from "@skein/client";
import { plainName } from "../../text/names";
import { EVERYONE } from "./content";

export interface MentionQuery {
  /** Where the "@" stands. */
  readonly start: number;
  readonly end: number;
  readonly words: string;
}

export interface Candidate {
  readonly userId: string;
  readonly name: string;
}

const CANDIDATES_MAX = 50;

/** The "@…" that the caret stands in. After a letter or a digit it is a mail address. */
export function mentionQuery(text: string, caret: number): MentionQuery | undefined {
  const match = /(?:^|[^A-Za-z0-9])@([^\s@]{0,40})$/.exec(text.slice(Math.max(0, caret - 60), caret));
  if (match === null) return undefined;
  const words = match[1] ?? "";
  return { start: caret - words.length - 1, end: caret, words };
}

/** Members whose name has the words, those that begin with them first; "everyone" for those who govern. */
export function candidates(
  members: readonly Member[],
  words: string,
  me: { readonly userId: string; readonly role: Role },
  everyone: string,
): Candidate[] {
  const wanted = words.toLocaleLowerCase();
  const ranked: { candidate: Candidate; rank: number }[] = [];
  const offer = (userId: string, name: string, rank: number) => {
    const at = name.toLocaleLowerCase().indexOf(wanted);
    if (at >= 0) ranked.push({ candidate: { userId, name }, rank: at === 0 ? rank : rank + 2 });
  };
  if (me.role === "owner" || me.role === "admin") offer(EVERYONE, everyone, 0);
  for (const member of members) {
    const name = plainName(member.nickname || member.displayName);
    if (member.userId !== me.userId && member.role !== "none" && name !== "") offer(member.userId, name, 1);
  }
  ranked.sort((a, b) => a.rank - b.rank || a.candidate.name.localeCompare(b.candidate.name));
  return ranked.slice(0, CANDIDATES_MAX).map(({ candidate }) => candidate);
}
