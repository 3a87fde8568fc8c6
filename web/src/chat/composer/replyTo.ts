/** What a message says of the one that it answers. */

import type { Message, Reply } from "@skein/client";
import { contentPreview } from "../../list/preview";
import type { Text } from "../../text/useText";

const CHARACTERS_MAX = 100;

export function replyTo(message: Message, text: Text): Reply {
  const words = contentPreview(message.content, { me: "", nameOf: () => text.shell.somebody, text });
  return {
    messageId: message.messageId,
    seq: message.seq,
    senderId: message.senderId,
    excerpt: [...words].slice(0, CHARACTERS_MAX).join(""),
  };
}
