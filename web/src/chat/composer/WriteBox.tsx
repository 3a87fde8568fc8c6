/** The text box, what it is about, and its buttons. */

import { type KeyboardEvent, useRef } from "react";
import { useNotices } from "../../state/notices";
import { useText } from "../../text/useText";
import { IconButton } from "../../ui/IconButton";
import { lastEditable } from "../actions/allowed";
import { usePane } from "../pane";
import { ByteCount } from "./ByteCount";
import styles from "./Composer.module.css";
import { bytesOf, contentOf, editedContentOf } from "./content";
import { EmojiButton } from "./EmojiButton";
import { MentionList, optionId } from "./MentionList";
import { replyTo } from "./replyTo";
import { TargetBar } from "./TargetBar";
import { useAutoHeight } from "./useAutoHeight";
import { useKeyboardAtHand } from "./useKeyboardAtHand";
import { useMentioning } from "./useMentioning";
import { useWriting } from "./useWriting";

export function WriteBox() {
  const pane = usePane();
  const text = useText();
  const notices = useNotices();
  const box = useRef<HTMLTextAreaElement>(null);
  const writing = useWriting(box);
  const { written, target } = writing;
  const mentioning = useMentioning(writing);
  useAutoHeight(box, written.text);
  const limit = pane.client.limits.textBytesMax;
  const tooLong = written.text.length * 3 > limit && bytesOf(written.text.trim()) > limit;
  const sendable = written.text.trim() !== "" && !tooLong;

  useKeyboardAtHand(box);

  const send = async () => {
    if (!sendable) return;
    const edited = target?.kind === "edit" ? target.message : undefined;
    const content =
      edited === undefined
        ? contentOf(written, target === undefined ? undefined : replyTo(target.message, text))
        : editedContentOf(written, edited);
    writing.finish();
    if (content === undefined) return;
    try {
      if (edited === undefined) await pane.conversation.send(content);
      else await pane.conversation.edit(edited, content);
    } catch (error) {
      notices.fail(error);
      if (edited === undefined) writing.restore(written);
      else pane.offered.set(written.text);
    }
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // The keys of an input method are its own; Safari tells by the code only.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (mentioning.onKeyDown(event)) event.preventDefault();
    else if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape" && target !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      pane.target.set(undefined);
    } else if (event.key === "ArrowUp" && written.text === "" && target === undefined) {
      const message = lastEditable(pane);
      if (message !== undefined) {
        event.preventDefault();
        pane.target.set({ kind: "edit", message });
      }
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      event.preventDefault();
      pane.go.byPage(event.key === "PageUp" ? -1 : 1);
    }
  };

  return (
    <div className={styles.composer}>
      {mentioning.open && <MentionList mentioning={mentioning} />}
      {target !== undefined && <TargetBar target={target} onCancel={() => pane.target.set(undefined)} />}
      <div className={styles.line}>
        <EmojiButton onPick={(glyph) => writing.insert(glyph)} />
        <textarea
          ref={box}
          className={styles.text}
          rows={1}
          dir="auto"
          aria-label={text.chat.message}
          aria-autocomplete="list"
          aria-controls={mentioning.open ? mentioning.listId : undefined}
          aria-activedescendant={mentioning.open ? optionId(mentioning.listId, mentioning.active) : undefined}
          placeholder={text.chat.writeHere}
          value={written.text}
          onChange={(event) => writing.changed(event.target.value, event.target.selectionStart)}
          onSelect={(event) => writing.moved(event.currentTarget.selectionStart)}
          onKeyDown={onKeyDown}
        />
        <IconButton
          className={styles.send}
          icon={target?.kind === "edit" ? "check" : "send"}
          label={text.chat.send}
          disabled={!sendable}
          onClick={() => void send()}
        />
      </div>
      <ByteCount text={written.text} limit={limit} />
    </div>
  );
}
