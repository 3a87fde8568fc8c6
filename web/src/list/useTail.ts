/** The end of a conversation as its writer sees it: what is still on its way, and what became of the last message. */

import type { Conversation, History, Message, MessageStatus, OutgoingMessage } from "@skein/client";
import { useEffect, useState } from "react";

export interface Tail {
  /** The newest message that is not on the server yet. */
  readonly outgoing: OutgoingMessage | undefined;
  /** Of the last message on the server. */
  readonly status: MessageStatus | undefined;
}

const NOTHING: Tail = { outgoing: undefined, status: undefined };

/** `last` is the last message as it is shown. */
export function useTail(conversation: Conversation, last: Message | undefined): Tail {
  const [history, setHistory] = useState<History>();
  const [, setRevision] = useState(0);
  useEffect(() => {
    const opened = conversation.open();
    setHistory(opened);
    const stop = opened.subscribe(() => setRevision(opened.current.revision));
    return () => {
      stop();
      opened.close();
      setHistory(undefined);
    };
  }, [conversation]);
  if (history === undefined) return NOTHING;
  return {
    outgoing: history.current.outgoing.at(-1),
    status: last === undefined ? undefined : history.status(last),
  };
}
