/** The rows of the conversations; only those in sight are in the page. The arrow keys walk through all of them. */

import type { Conversation } from "@skein/client";
import { type KeyboardEvent, type Ref, useCallback, useImperativeHandle, useRef, useState } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import styles from "./ConversationList.module.css";
import { ConversationMenu, type MenuPoint } from "./ConversationMenu";
import { ConversationQuestion, type Question } from "./ConversationQuestion";
import { ConversationRow } from "./ConversationRow";
import { ListBox } from "./ListBox";
import { ListItem } from "./ListItem";

export interface ConversationListHandle {
  focusFirst(): void;
}

export interface ConversationListProps {
  conversations: readonly Conversation[];
  openId: string | undefined;
  nowMs: number;
  /** Arrow up on the first row. */
  onLeaveUp: () => void;
  ref?: Ref<ConversationListHandle>;
}

const ROW_PX = 68;

export function ConversationList({ conversations, openId, nowMs, onLeaveUp, ref }: ConversationListProps) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useRef<VirtualizerHandle>(null);
  const [focusedId, setFocusedId] = useState<string>();
  const [menu, setMenu] = useState<{ conversation: Conversation; at: MenuPoint }>();
  const [asked, setAsked] = useState<{ conversation: Conversation; question: Question }>();

  const openMenu = useCallback((conversation: Conversation, at: MenuPoint) => setMenu({ conversation, at }), []);

  const indexOf = (id: string | undefined) => conversations.findIndex((conversation) => conversation.id === id);
  const focusedIndex = indexOf(focusedId);
  const tabIndex = focusedIndex >= 0 ? focusedIndex : Math.max(0, indexOf(openId));

  const focusRow = (index: number) => {
    rows.current?.scrollToIndex(index, { align: "nearest" });
    focusSoon(() => box.current?.querySelector<HTMLElement>(`a[data-index="${index}"]`));
  };

  useImperativeHandle(ref, () => ({ focusFirst: () => focusRow(0) }));

  const onKeyDown = (event: KeyboardEvent) => {
    const index = Number((event.target as HTMLElement).closest<HTMLElement>("[data-index]")?.dataset.index);
    if (!Number.isInteger(index) || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = conversations.length - 1;
    if (event.key === "ArrowUp" && index === 0) onLeaveUp();
    else if (event.key === "ArrowUp") focusRow(index - 1);
    else if (event.key === "ArrowDown") focusRow(Math.min(index + 1, last));
    else if (event.key === "Home") focusRow(0);
    else if (event.key === "End") focusRow(last);
    else return;
    event.preventDefault();
  };

  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys come from the links of the rows inside */}
      <div ref={box} className={styles.scroller} onKeyDown={onKeyDown}>
        <Virtualizer
          ref={rows}
          data={conversations}
          itemSize={ROW_PX}
          bufferSize={ROW_PX * 6}
          keepMounted={[tabIndex]}
          as={ListBox}
          item={ListItem}
        >
          {(conversation, index) => (
            <ConversationRow
              key={conversation.id}
              conversation={conversation}
              index={index}
              open={conversation.id === openId}
              inTabOrder={index === tabIndex}
              nowMs={nowMs}
              onFocus={setFocusedId}
              onMenu={openMenu}
            />
          )}
        </Virtualizer>
      </div>
      {menu !== undefined && (
        <ConversationMenu
          {...menu}
          onAsk={(question) => setAsked({ conversation: menu.conversation, question })}
          onClose={() => setMenu(undefined)}
        />
      )}
      {asked !== undefined && <ConversationQuestion {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

/** Frames after which a row that was scrolled to is surely in the page. */
const FRAMES_MAX = 20;

/** A row that was out of sight comes into the page, and takes the focus, some frames after it was scrolled to. */
function focusSoon(find: () => HTMLElement | null | undefined, frames = FRAMES_MAX): void {
  const row = find();
  row?.focus({ preventScroll: true });
  if (frames === 0 || (row && document.activeElement === row)) return;
  requestAnimationFrame(() => focusSoon(find, frames - 1));
}
