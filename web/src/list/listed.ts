/** The conversations of the list and of the archive, kept true also when one changes without moving. */

import type { Client, Conversation, Observable } from "@skein/client";

export interface Listed {
  readonly active: readonly Conversation[];
  readonly archived: readonly Conversation[];
  readonly archivedUnread: number;
}

/** Changes that come together are told once. */
export function watchListed(client: Client): Observable<Listed> {
  let last: { listed: Listed; marks: string } | undefined;
  const now = () => {
    last ??= { listed: sortOut(client.conversations.current), marks: marksOf(client.conversations.current) };
    return last.listed;
  };
  return {
    get current() {
      return now();
    },
    subscribe(listener) {
      let stops: (() => void)[] = [];
      let waiting = false;
      let stopped = false;
      const look = () => {
        waiting = false;
        if (stopped) return;
        const marks = marksOf(client.conversations.current);
        if (last?.marks === marks) return;
        last = undefined;
        listener();
      };
      const changed = () => {
        if (waiting) return;
        waiting = true;
        queueMicrotask(look);
      };
      const unwatch = () => {
        for (const stop of stops) stop();
      };
      const watch = () => {
        unwatch();
        stops = client.conversations.current.map((conversation) => conversation.subscribe(changed));
        changed();
      };
      const stopList = client.conversations.subscribe(watch);
      watch();
      return () => {
        stopped = true;
        stopList();
        unwatch();
      };
    },
  };
}

function sortOut(conversations: readonly Conversation[]): Listed {
  const active: Conversation[] = [];
  const archived: Conversation[] = [];
  let archivedUnread = 0;
  for (const conversation of conversations) {
    (conversation.current.archived ? archived : active).push(conversation);
    if (conversation.current.archived) archivedUnread += conversation.current.unread;
  }
  return { active, archived, archivedUnread };
}

/** All of the conversations that the list as a whole depends on. */
function marksOf(conversations: readonly Conversation[]): string {
  return conversations
    .map(({ id, displayTitle, current }) => `${id}\t${displayTitle}\t${current.archived ? current.unread : "-"}`)
    .join("\n");
}
