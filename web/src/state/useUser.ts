/** Somebody's profile, as far as known; showing it asks for it. */

import type { User } from "@skein/client";
import { useMemo } from "react";
import { useClient } from "./session";
import { useObservable } from "./useObservable";

export function useUser(userId: string): User | undefined {
  const client = useClient();
  return useObservable(useMemo(() => client.user(userId), [client, userId]));
}
