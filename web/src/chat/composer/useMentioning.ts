/** Completes "@…" in groups: who is offered, which one is chosen with the keys. */

import { type KeyboardEvent, useId, useMemo, useState } from "react";
import { useObservable } from "../../state/useObservable";
import { useText } from "../../text/useText";
import { usePane } from "../pane";
import { myRole, rosterOf } from "../people";
import { type Candidate, candidates, mentionQuery } from "./mentionQuery";
import type { Writing } from "./useWriting";

export interface Mentioning {
  readonly open: boolean;
  readonly listId: string;
  readonly offered: readonly Candidate[];
  readonly active: number;
  choose(candidate: Candidate): void;
  /** True when the key was for the list. */
  onKeyDown(event: KeyboardEvent): boolean;
}

export function useMentioning(writing: Writing): Mentioning {
  const pane = usePane();
  const text = useText().chat;
  const listId = useId();
  const members = useObservable(rosterOf(pane));
  const query = members.length === 0 ? undefined : mentionQuery(writing.written.text, writing.caret);
  const [closedAt, setClosedAt] = useState(-1);
  const [chosen, setChosen] = useState({ words: "", index: 0 });
  const words = query?.words;
  const offered = useMemo(() => {
    if (words === undefined) return [];
    return candidates(members, words, { userId: pane.me, role: myRole(pane) }, text.everyone);
  }, [members, words, pane, text]);
  const inMention = writing.written.atoms.some(
    (atom) => query !== undefined && atom.start <= query.start && query.start < atom.end,
  );
  const open = query !== undefined && offered.length > 0 && closedAt !== query.start && !inMention;
  const active = chosen.words === words ? Math.min(chosen.index, offered.length - 1) : 0;

  const choose = (candidate: Candidate) => {
    if (query !== undefined) writing.insert(`@${candidate.name} `, query, candidate.userId);
  };
  const step = (by: number) =>
    setChosen({ words: words ?? "", index: (active + by + offered.length) % offered.length });

  const onKeyDown = (event: KeyboardEvent): boolean => {
    if (!open) return false;
    const candidate = offered[active];
    if (event.key === "ArrowDown") step(1);
    else if (event.key === "ArrowUp") step(-1);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && candidate !== undefined)
      choose(candidate);
    else if (event.key === "Escape") {
      event.stopPropagation();
      setClosedAt(query.start);
    } else return false;
    return true;
  };

  return { open, listId, offered, active, choose, onKeyDown };
}
