/** What can be done with a conversation from the list, and the questions asked before what cannot be undone. */

import type { Conversation } from "@skein/client";
import { useState } from "react";
import { useNotices } from "../state/notices";
import { usePlace } from "../state/place";
import { useObservable } from "../state/useObservable";
import { nameInSentence } from "../text/names";
import { useText } from "../text/useText";
import { Confirm } from "../ui/Confirm";
import { Menu, type MenuItem } from "../ui/Menu";
import { conversationTitle } from "./title";

export type MenuPoint = { x: number; y: number } | HTMLElement;

export interface ConversationMenuProps {
  conversation: Conversation;
  at: MenuPoint;
  onClose: () => void;
}

export function ConversationMenu({ conversation, at, onClose }: ConversationMenuProps) {
  const text = useText();
  const notices = useNotices();
  const [place, go] = usePlace();
  const state = useObservable(conversation);
  const [question, setQuestion] = useState<"clear" | "remove">();
  const title = nameInSentence(conversationTitle(conversation, state, text));

  /** An item that does something at once; the menu goes away with it. */
  const item = (icon: NonNullable<MenuItem["icon"]>, label: string, run: () => Promise<void>): MenuItem => ({
    icon,
    label,
    onSelect: () => {
      onClose();
      run().catch(notices.fail);
    },
  });

  const muted = state.mute !== "notify";
  const items: MenuItem[] = [
    item("pin", state.pinned ? text.list.unpin : text.list.pin, () => conversation.update({ pinned: !state.pinned })),
    item(muted ? "bell" : "mute", muted ? text.list.unmute : text.list.mute, () =>
      conversation.update({ mute: muted ? "notify" : "quiet" }),
    ),
    item("archive", state.archived ? text.list.unarchive : text.list.archive, () =>
      conversation.update({ archived: !state.archived }),
    ),
    {
      ...item("checks", text.list.markRead, () => conversation.markRead()),
      disabled: state.unread === 0 && !state.mentioned,
    },
    { icon: "undo", label: text.list.clearHistory, onSelect: () => setQuestion("clear") },
    { icon: "trash", label: text.list.deleteConversation, danger: true, onSelect: () => setQuestion("remove") },
  ];

  if (question === "clear") {
    return (
      <Confirm
        title={text.list.clearQuestion}
        confirm={text.list.clearHistory}
        onConfirm={() => conversation.clear()}
        onClose={onClose}
      >
        {text.list.clearText(title)}
      </Confirm>
    );
  }
  if (question === "remove") {
    const remove = async () => {
      await conversation.remove();
      if (place.at === "chat" && place.conversationId === conversation.id) go({ at: "list" });
    };
    return (
      <Confirm
        title={text.list.deleteQuestion}
        confirm={text.list.deleteConversation}
        onConfirm={remove}
        onClose={onClose}
      >
        {text.list.deleteText(title)}
      </Confirm>
    );
  }
  return <Menu items={items} at={at} onClose={onClose} />;
}
