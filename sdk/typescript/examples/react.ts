/** Anything observable in React. */

import type { Client, Conversation, Message, Observable } from "@skein/client";
import { useEffect, useState, useSyncExternalStore } from "react";

/** The current value; the component is drawn again when it changes. */
export function useObservable<T>(value: Observable<T>): T {
  return useSyncExternalStore(
    value.subscribe,
    () => value.current,
    () => value.current,
  );
}

/** The conversation list, newest first. Each item watches its own conversation. */
export function useConversations(client: Client): readonly Conversation[] {
  return useObservable(client.conversations);
}

/** The newest messages of a conversation, loaded as long as somebody looks. */
export function useNewest(conversation: Conversation, count: number): readonly Message[] {
  const [messages, setMessages] = useState<readonly Message[]>([]);
  useEffect(() => {
    const history = conversation.open();
    const show = () => {
      const { firstSeq, lastSeq } = history.current;
      const from = Math.max(firstSeq, lastSeq - count + 1);
      // Repeats are free. What cannot be had now is asked for again after the next change.
      history.load(from, lastSeq).catch(() => {});
      const seqs = Array.from({ length: Math.max(0, lastSeq - from + 1) }, (_, at) => from + at);
      setMessages(seqs.map((seq) => history.get(seq)).filter((message) => message != null));
    };
    show();
    const stop = history.subscribe(show);
    return () => {
      stop();
      history.close();
    };
  }, [conversation, count]);
  return messages;
}
