/** The text in the composer: its mentions, its draft, what it is about. */

import type { Conversation } from "@skein/client";
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { moveAtoms, toAtoms } from "../../rich/mentions";
import { useObservable } from "../../state/useObservable";
import { type Target, usePane } from "../pane";
import { nothingWritten, type Written } from "./content";

/** Mentions of drafts: the draft itself is kept as text only. */
const mentionsOfDrafts = new Map<string, Written>();

export interface Writing {
  readonly written: Written;
  readonly caret: number;
  readonly target: Target | undefined;
  changed(text: string, caret: number): void;
  moved(caret: number): void;
  /** Replaces a part of the text as if it were typed; a user id makes it a mention. */
  insert(text: string, range?: { start: number; end: number }, userId?: string): void;
  /** Takes everything out, and ends the reply or the edit. */
  finish(): void;
  /** Puts it back, after a failure. */
  restore(written: Written): void;
}

export function useWriting(box: RefObject<HTMLTextAreaElement | null>): Writing {
  const pane = usePane();
  const { conversation } = pane;
  const target = useObservable(pane.target);
  const [written, setWritten] = useState<Written>(() => draftOf(conversation.id, conversation.current.draft));
  const [caret, setCaret] = useState(written.text.length);
  const latest = useRef(written);
  /** What was being written when an edit began. */
  const setAside = useRef<Written>(undefined);
  const editing = target?.kind === "edit" ? target.message : undefined;

  const put = useCallback(
    (next: Written, at = next.text.length) => {
      latest.current = next;
      setWritten(next);
      setCaret(at);
      if (setAside.current === undefined) keepDraft(conversation, next);
    },
    [conversation],
  );

  // A draft from another device, while nobody writes here.
  useEffect(
    () =>
      conversation.subscribe(() => {
        const { draft } = conversation.current;
        if (document.activeElement === box.current || setAside.current !== undefined) return;
        if (latest.current.text !== draft) put(draftOf(conversation.id, draft));
      }),
    [conversation, box, put],
  );

  // An edit sets aside what was being written.
  useLayoutEffect(() => {
    if (editing !== undefined) {
      const { content } = editing;
      setAside.current ??= latest.current;
      if (content.type === "text" || content.type === "markdown") {
        put({ text: content.text, atoms: toAtoms(content.text, content.mentions) });
      }
    } else if (setAside.current !== undefined) {
      const before = setAside.current;
      setAside.current = undefined;
      put(before);
    }
  }, [editing, put]);

  useEffect(() => {
    if (target === undefined) return;
    box.current?.focus();
    const end = box.current?.value.length ?? 0;
    if (target.kind === "edit") box.current?.setSelectionRange(end, end);
  }, [target, box]);

  // What was taken back may be written again.
  const offered = useObservable(pane.offered);
  useEffect(() => {
    if (offered === undefined) return;
    pane.offered.set(undefined);
    const { text, atoms } = latest.current;
    put({ text: text === "" ? offered : `${text}\n${offered}`, atoms });
    box.current?.focus();
  }, [offered, pane, box, put]);

  const changed = useCallback(
    (text: string, at: number) => {
      const before = latest.current;
      if (text !== "" && text !== before.text && setAside.current === undefined) conversation.typing();
      put({ text, atoms: moveAtoms(before.atoms, before.text, text, at) }, at);
    },
    [put, conversation],
  );

  const insert = useCallback<Writing["insert"]>(
    (text, range, userId) => {
      const element = box.current;
      if (element === null) return;
      const start = range?.start ?? element.selectionStart;
      const end = range?.end ?? element.selectionEnd;
      element.focus();
      element.setSelectionRange(start, end);
      // Unlike setting the value, this can be undone with Ctrl+Z.
      if (!document.execCommand("insertText", false, text)) {
        element.setRangeText(text, start, end, "end");
        changed(element.value, element.selectionStart);
      }
      if (userId === undefined) return;
      const atom = { start, end: start + text.trimEnd().length, userId };
      put({ ...latest.current, atoms: [...latest.current.atoms, atom] }, start + text.length);
    },
    [box, changed, put],
  );

  const finish = useCallback(() => {
    if (setAside.current === undefined) put(nothingWritten);
    pane.target.set(undefined);
  }, [pane, put]);

  return { written, caret, target, changed, moved: setCaret, insert, finish, restore: put };
}

function keepDraft(conversation: Conversation, written: Written): void {
  if (written.atoms.length > 0) mentionsOfDrafts.set(conversation.id, written);
  else mentionsOfDrafts.delete(conversation.id);
  conversation.setDraft(written.text);
}

function draftOf(conversationId: string, draft: string): Written {
  const known = mentionsOfDrafts.get(conversationId);
  return known?.text === draft ? known : { text: draft, atoms: [] };
}
