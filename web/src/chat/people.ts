/** How people are called in this conversation, and what they may do. */

import type { Member, Observable, Role } from "@skein/client";
import { useSyncExternalStore } from "react";
import { useObservable } from "../state/useObservable";
import { plainName } from "../text/names";
import { useText } from "../text/useText";
import { type Pane, usePane } from "./pane";

const nobody: Observable<readonly Member[]> = { current: [], subscribe: () => () => {} };
const byId = new WeakMap<readonly Member[], ReadonlyMap<string, Member>>();

/** The roster of a group; of any other conversation it is empty. */
export function rosterOf({ conversation }: Pick<Pane, "conversation">): Observable<readonly Member[]> {
  return conversation.current.kind === "group" ? conversation.members : nobody;
}

function memberOf(members: readonly Member[], userId: string): Member | undefined {
  let known = byId.get(members);
  if (known === undefined) {
    known = new Map(members.map((member) => [member.userId, member]));
    byId.set(members, known);
  }
  return known.get(userId);
}

/** The nickname in the group, else the display name. */
export function useNickname(userId: string): string {
  const pane = usePane();
  const text = useText();
  const roster = rosterOf(pane);
  const user = useObservable(pane.client.user(userId));
  const member = useSyncExternalStore(roster.subscribe, () => memberOf(roster.current, userId));
  return plainName(member?.nickname || user?.displayName || member?.displayName || "") || text.shell.somebody;
}

/** The reader's own role in the group, as far as the roster is known. */
export function myRole(pane: Pane): Role {
  return memberOf(rosterOf(pane).current, pane.me)?.role ?? "none";
}

export function mayGovern(role: Role): boolean {
  return role === "owner" || role === "admin";
}
