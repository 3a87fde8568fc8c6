/** How a conversation is called in the reader's language. */

import type { Conversation, ConversationState } from "@skein/client";
import type { Text } from "../text/language";
import { plainName } from "../text/names";

/** `state` is what is on the screen, so that the title changes together with it. */
export function conversationTitle(conversation: Conversation, state: ConversationState, text: Text): string {
  if (state.kind === "self") return plainName(state.remark) || text.shell.notesToSelf;
  const title = plainName(conversation.displayTitle);
  if (title !== "") return title;
  return state.kind === "group" ? text.shell.untitledGroup : text.shell.somebody;
}
