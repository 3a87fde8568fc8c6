/** Display names of people by id; asks for those that are not known yet. */

import type { Client, User } from "@skein/client";
import { useCallback, useMemo, useSyncExternalStore } from "react";
import { useText } from "../text/useText";
import { useClient } from "./session";

export function useNames(userIds: readonly string[]): (userId: string) => string {
  const client = useClient();
  const text = useText();
  const key = [...new Set(userIds)].sort().join(" ");
  const watched = useMemo(() => watch(client, key === "" ? [] : key.split(" ")), [client, key]);
  const users = useSyncExternalStore(watched.subscribe, watched.snapshot);
  return useCallback((userId) => users.get(userId)?.displayName || text.shell.somebody, [users, text]);
}

function watch(client: Client, userIds: readonly string[]) {
  const sources = userIds.filter((userId) => userId !== "0").map((userId) => ({ userId, user: client.user(userId) }));
  let last = new Map<string, User | undefined>();
  return {
    subscribe(listener: () => void): () => void {
      const stops = sources.map(({ user }) => user.subscribe(listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
    snapshot(): ReadonlyMap<string, User | undefined> {
      if (last.size !== sources.length || sources.some(({ userId, user }) => last.get(userId) !== user.current)) {
        last = new Map(sources.map(({ userId, user }) => [userId, user.current]));
      }
      return last;
    },
  };
}
