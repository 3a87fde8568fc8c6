/** A message in its bubble, with who said it, its menu, and what to do when it was not sent. */

import { type MouseEvent, memo, useRef } from "react";
import { useObservable } from "../../state/useObservable";
import { plainName } from "../../text/names";
import { useText } from "../../text/useText";
import { Avatar } from "../../ui/Avatar";
import { classNames } from "../../ui/classNames";
import { IconButton } from "../../ui/IconButton";
import { toggleSelected } from "../actions/selecting";
import { isGroup, useHistory, usePane, useSelected } from "../pane";
import { BubbleContent } from "./BubbleContent";
import styles from "./BubbleRow.module.css";
import { isBare } from "./bare";
import { FailedActions } from "./FailedActions";
import { Meta } from "./Meta";
import { Quote } from "./Quote";
import { SelectMark } from "./SelectMark";
import { SenderName } from "./SenderName";
import type { Said } from "./said";
import { statusOf } from "./said";
import { useLongPress } from "./useLongPress";

export const BubbleRow = memo(function BubbleRow({ said, seq, head }: { said: Said; seq: number; head: boolean }) {
  const pane = usePane();
  const text = useText().chat;
  const { message, outgoing, own, content } = said;
  const status = useHistory((history) => statusOf(history, said));
  const selecting = useSelected(pane.selection, (chosen) => chosen !== undefined);
  const flashed = useSelected(pane.flashSeq, (flashSeq) => flashSeq === seq && message !== undefined);
  const more = useRef<HTMLButtonElement>(null);
  const named = !own && isGroup(pane);

  const openMenu = (at: { x: number; y: number } | HTMLElement) => {
    if (message !== undefined && !selecting) pane.overlay.set({ kind: "menu", message, at });
  };
  const press = useLongPress(openMenu);
  const onContextMenu = (event: MouseEvent) => {
    // A selection and a link have menus of their own.
    if (message === undefined || hasSelection() || (event.target as Element).closest("a") !== null) return;
    event.preventDefault();
    if (event.clientX === 0 && event.clientY === 0 && more.current !== null) openMenu(more.current);
    else openMenu({ x: event.clientX, y: event.clientY });
  };
  const choose = () => {
    if (selecting && message !== undefined) toggleSelected(pane, message);
  };

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the mark in it takes the keyboard
    <article
      className={classNames(
        styles.row,
        own ? styles.own : styles.other,
        head && styles.head,
        named && styles.named,
        selecting && styles.selecting,
        flashed && styles.flashed,
      )}
      data-seq={message?.seq}
      data-status={status}
      data-message-id={message?.messageId}
      data-client-message-id={message?.clientMessageId ?? outgoing?.clientMessageId}
      onClick={choose}
    >
      {selecting && message !== undefined && <SelectMark message={message} />}
      {named && <span className={styles.avatar}>{head && <SenderAvatar userId={said.senderId} />}</span>}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button beside it opens the same menu */}
      <div
        className={classNames(styles.bubble, isBare(content) && styles.bare)}
        onContextMenu={onContextMenu}
        {...press}
      >
        {named && head && <SenderName userId={said.senderId} />}
        {(content.forwardedFrom ?? "0") !== "0" && content.forwardedFrom !== "" && (
          <p className={styles.forwarded}>{text.forwarded}</p>
        )}
        {content.reply !== undefined && <Quote reply={content.reply} />}
        <BubbleContent said={said} meta={<Meta said={said} status={status} />} />
      </div>
      {message !== undefined && !selecting && (
        <IconButton
          ref={more}
          className={styles.more}
          icon="more"
          label={text.actions}
          aria-haspopup="menu"
          onClick={(event) => openMenu(event.currentTarget)}
        />
      )}
      {outgoing?.status === "failed" && <FailedActions outgoing={outgoing} />}
    </article>
  );
});

function SenderAvatar({ userId }: { userId: string }) {
  const user = useObservable(usePane().client.user(userId));
  return <Avatar id={userId} name={plainName(user?.displayName ?? "")} src={user?.avatar ?? ""} size={34} />;
}

function hasSelection(): boolean {
  return getSelection()?.isCollapsed === false;
}
