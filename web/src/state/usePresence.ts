/** How somebody looks while this page shows them; nothing is known while there is no connection. */

import type { Presence } from "@skein/client";
import { useMemo } from "react";
import { useClient } from "./session";
import { useObservable } from "./useObservable";

export function usePresence(userId: string): Presence | undefined {
  const client = useClient();
  const status = useObservable(client.status);
  const presence = useObservable(useMemo(() => client.presence.of(userId), [client, userId]));
  return status.state === "online" || status.state === "syncing" ? presence : undefined;
}

/** Whether somebody is there, whatever they chose. */
export function isThere(presence: Presence | undefined): boolean {
  return presence?.state === "online" || presence?.state === "away" || presence?.state === "busy";
}
