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
  /** The user name in the field. */
  readonly typed: string;
  type(username: string): void;
  /** Looks the typed user name up and adds who it is. Answers all that are chosen then; undefined: nobody of that name. */
  addTyped(): Promise<readonly User[] | undefined>;
  add(user: User): void;
  remove(userId: string): void;
}

export function usePeople(exclude: readonly string[]): People {
  const client = useClient();
  const notices = useNotices();
  const text = useText();
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const [searching, setSearching] = useState(false);
  const [error, setError] = useState<string>();

  const [typed, setTyped] = useState("");

  const add = (user: User) =>
    setChosen((before) => (before.some((other) => other.userId === user.userId) ? before : [...before, user]));

  const refusal = (user: User): string | undefined => {
    if (user.userId === client.userId) return text.list.thatIsYou;
    const known = exclude.includes(user.userId) || chosen.some((other) => other.userId === user.userId);
    return known ? text.list.addedAlready : undefined;
  };

  const addTyped = async (): Promise<readonly User[] | undefined> => {
    const username = typed.trim().replace(/^@/, "");
    if (username === "") return chosen;
    setSearching(true);
    setError(undefined);
    try {
      const user = await client.findUser({ username });
      const refused = refusal(user);
      setError(refused);
      if (refused !== undefined) return undefined;
      add(user);
      setTyped("");
      return [...chosen, user];
    } catch (thrown) {
      const code = errorCode(thrown, text);
      if (code === "NOT_FOUND" || code === "INVALID_ARGUMENT") setError(text.list.nobody(username));
      else notices.fail(thrown);
      return undefined;
    } finally {
      setSearching(false);
    }
  };

  return {
    chosen,
    searching,
    error,
    typed,
    type: (username) => {
      setTyped(username);
      setError(undefined);
    },
    addTyped,
    add,
    remove: (userId) => setChosen((before) => before.filter((user) => user.userId !== userId)),
  };
}
