/** The entries of a message's menu. */

import type { Message } from "@skein/client";
import type { Notices } from "../../state/notices";
import type { Text } from "../../text/useText";
import type { MenuItem } from "../../ui/Menu";
import type { Pane } from "../pane";
import { mayEdit, mayRecall } from "./allowed";
import { toggleSelected } from "./selecting";

/** What "Copy text" copies. */
export function textOf({ content }: Message): string | undefined {
  switch (content.type) {
    case "text":
    case "markdown":
      return content.text;
    case "link":
      return content.url;
    default:
      return undefined;
  }
}

export function messageMenu(pane: Pane, message: Message, words: Text["chat"], notices: Notices): MenuItem[] {
  const { conversation } = pane;
  const copied = textOf(message);
  const own = message.senderId === pane.me;
  const items: (MenuItem | false)[] = [
    conversation.current.member && {
      icon: "reply",
      label: words.reply,
      onSelect: () => pane.target.set({ kind: "reply", message }),
    },
    copied !== undefined && {
      icon: "copy",
      label: words.copyText,
      onSelect: () => {
        navigator.clipboard.writeText(copied).then(() => notices.tell(words.copied), notices.fail);
      },
    },
    mayEdit(pane, message) && {
      icon: "edit",
      label: words.edit,
      onSelect: () => pane.target.set({ kind: "edit", message }),
    },
    {
      icon: "forward",
      label: words.forward,
      onSelect: () => pane.overlay.set({ kind: "forward", messages: [message] }),
    },
    { icon: "select", label: words.select, onSelect: () => toggleSelected(pane, message) },
    own &&
      conversation.current.kind === "group" && {
        icon: "eye",
        label: words.whoHasRead,
        onSelect: () => pane.overlay.set({ kind: "readers", message }),
      },
    mayRecall(pane, message) && {
      icon: "undo",
      label: words.recall,
      danger: true,
      onSelect: () => void recall(pane, message).catch(notices.fail),
    },
    {
      icon: "trash",
      label: words.deleteForMe,
      danger: true,
      onSelect: () => pane.overlay.set({ kind: "delete", messages: [message] }),
    },
  ];
  return items.filter((item) => item !== false);
}

async function recall(pane: Pane, message: Message): Promise<void> {
  const { content, messageId, senderId } = message;
  if (senderId === pane.me && (content.type === "text" || content.type === "markdown")) {
    pane.recalledTexts.set(messageId, content.text);
  }
  await pane.conversation.recall(message);
}
