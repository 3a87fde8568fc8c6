/** A message as its row shows it, be it on the server or on its way there. */

import type { Content, History, Message, MessageStatus, OutgoingMessage } from "@skein/client";

export interface Said {
  /** Undefined while it is on its way. */
  readonly message: Message | undefined;
  readonly outgoing: OutgoingMessage | undefined;
  readonly own: boolean;
  readonly senderId: string;
  readonly content: Content;
  readonly timeMs: number;
}

export function saidOf(item: Message | OutgoingMessage, me: string): Said {
  if ("seq" in item) {
    const { senderId, content, serverTimeMs } = item;
    return { message: item, outgoing: undefined, own: senderId === me, senderId, content, timeMs: serverTimeMs };
  }
  return {
    message: undefined,
    outgoing: item,
    own: true,
    senderId: me,
    content: item.content,
    timeMs: item.clientTimeMs,
  };
}

/** What an own message has come to; of others only whether something is left of it. */
export function statusOf(history: History, said: Said): MessageStatus | undefined {
  if (said.outgoing !== undefined) return said.outgoing.status;
  if (said.message === undefined) return undefined;
  if (said.own) return history.status(said.message);
  return said.message.state === "sent" ? undefined : said.message.state;
}
