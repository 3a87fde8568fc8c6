/** What may be done with a message, as far as can be told here; the server has the last word. */

import type { Message } from "@skein/client";
import type { Pane } from "../pane";
import { mayGovern, myRole } from "../people";

/** Rows looked through for the last own message. */
const LOOK_BACK_ROWS = 300;

/** A window of 0 has no end. */
export function inWindow(message: Pick<Message, "serverTimeMs">, nowMs: number, windowMs: number): boolean {
  return windowMs === 0 || nowMs - message.serverTimeMs < windowMs;
}

function isText(message: Message): boolean {
  return message.content.type === "text" || message.content.type === "markdown";
}

export function mayEdit(pane: Pane, message: Message): boolean {
  const { client, conversation, me } = pane;
  if (message.senderId !== me || message.state !== "sent" || !isText(message)) return false;
  return conversation.current.member && inWindow(message, client.serverTimeMs, client.limits.editWindowMs);
}

/** The sender for a while; who governs a group at any time. */
export function mayRecall(pane: Pane, message: Message): boolean {
  const { client, conversation, me } = pane;
  if (message.state !== "sent" || message.content.type === "system" || !conversation.current.member) return false;
  if (conversation.current.kind === "group" && mayGovern(myRole(pane))) return true;
  return message.senderId === me && inWindow(message, client.serverTimeMs, client.limits.recallWindowMs);
}

/** The last own message, if it may still be edited. */
export function lastEditable(pane: Pane): Message | undefined {
  const { firstSeq, lastSeq } = pane.history.current;
  for (let seq = lastSeq; seq >= Math.max(firstSeq, lastSeq - LOOK_BACK_ROWS); seq -= 1) {
    const message = pane.history.get(seq);
    if (message?.senderId === pane.me && message.state === "sent" && isText(message)) {
      return mayEdit(pane, message) ? message : undefined;
    }
  }
  return undefined;
}
