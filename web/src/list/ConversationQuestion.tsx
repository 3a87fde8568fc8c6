/** Asks before a history is cleared or a conversation deleted. */

import type { Conversation } from "@skein/client";
import { usePlace } from "../state/place";
import { useObservable } from "../state/useObservable";
import { nameInSentence } from "../text/names";
import { useText } from "../text/useText";
import { Confirm } from "../ui/Confirm";
import { conversationTitle } from "./title";

export type Question = "clear" | "remove";

export interface ConversationQuestionProps {
  conversation: Conversation;
  question: Question;
  onClose: () => void;
}

export function ConversationQuestion({ conversation, question, onClose }: ConversationQuestionProps) {
  const text = useText();
  const [place, go] = usePlace();
  const state = useObservable(conversation);
  const title = nameInSentence(conversationTitle(conversation, state, text));

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
