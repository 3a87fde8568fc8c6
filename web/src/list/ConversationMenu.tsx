/** What can be done with a conversation from the list. */

import type { Conversation } from "@skein/client";
import { useNotices } from "../state/notices";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { Menu, type MenuItem } from "../ui/Menu";
import type { Question } from "./ConversationQuestion";

export type MenuPoint = { x: number; y: number } | HTMLElement;

export interface ConversationMenuProps {
  conversation: Conversation;
  at: MenuPoint;
  /** What cannot be undone is asked first. */
  onAsk: (question: Question) => void;
  onClose: () => void;
}

export function ConversationMenu({ conversation, at, onAsk, onClose }: ConversationMenuProps) {
  const text = useText();
  const notices = useNotices();
  const state = useObservable(conversation);

  /** An item that does something at once. */
  const item = (icon: NonNullable<MenuItem["icon"]>, label: string, run: () => Promise<void>): MenuItem => ({
    icon,
    label,
    onSelect: () => void run().catch(notices.fail),
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
    { icon: "erase", label: text.list.clearHistory, onSelect: () => onAsk("clear") },
    { icon: "trash", label: text.list.deleteConversation, danger: true, onSelect: () => onAsk("remove") },
  ];
  return <Menu items={items} at={at} onClose={onClose} />;
}
