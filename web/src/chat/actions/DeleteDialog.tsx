/** Asks before messages are deleted for oneself. */

import type { Message } from "@skein/client";
import { useText } from "../../text/useText";
import { Confirm } from "../../ui/Confirm";

import { usePane } from "../pane";

export function DeleteDialog({ messages, onClose }: { messages: readonly Message[]; onClose: () => void }) {
  const pane = usePane();
  const text = useText().chat;
  const remove = async () => {
    await pane.conversation.delete(messages);
    pane.selection.set(undefined);
  };
  return (
    <Confirm
      title={text.deleteQuestion(messages.length)}
      confirm={text.deleteForMe}
      onConfirm={remove}
      onClose={onClose}
    >
      {text.deleteText}
    </Confirm>
  );
}
