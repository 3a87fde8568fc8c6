/** A choice of people, found by exact user name. */

import type { User } from "@skein/client";
import { useState } from "react";
import { useNotices } from "../state/notices";
import { useClient } from "../state/session";
import { errorCode } from "../text/errorText";
import { useText } from "../text/useText";

export interface People {
  readonly chosen: readonly User[];
  readonly searching: boolean;
  readonly error: string | undefined;
  /** Looks the user name up and adds who it is; says whether that went well. */
  find(username: string): Promise<boolean>;
  add(user: User): void;
  remove(userId: string): void;
  forgetError(): void;
}

export function usePeople(exclude: readonly string[]): People {
  const client = useClient();
  const notices = useNotices();
  const text = useText();
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const [searching, setSearching] = useState(false);
  const [error, setError] = useState<string>();

  const add = (user: User) =>
    setChosen((before) => (before.some((other) => other.userId === user.userId) ? before : [...before, user]));

  const find = async (username: string): Promise<boolean> => {
    const name = username.trim().replace(/^@/, "");
    if (name === "") return false;
    setSearching(true);
    setError(undefined);
    try {
      const user = await client.findUser({ username: name });
      if (user.userId === client.userId) setError(text.list.thatIsYou);
      else if (exclude.includes(user.userId) || chosen.some((other) => other.userId === user.userId))
        setError(text.list.addedAlready);
      else {
        add(user);
        return true;
      }
    } catch (thrown) {
      const code = errorCode(thrown, text);
      if (code === "NOT_FOUND" || code === "INVALID_ARGUMENT") setError(text.list.nobody(name));
      else notices.fail(thrown);
    } finally {
      setSearching(false);
    }
    return false;
  };

  return {
    chosen,
    searching,
    error,
    find,
    add,
    remove: (userId) => setChosen((before) => before.filter((user) => user.userId !== userId)),
    forgetError: () => setError(undefined),
  };
}
