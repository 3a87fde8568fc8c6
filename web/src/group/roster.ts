/** The members of a group, in order, and what one may do to another. */

import type { Member, Role } from "@skein/client";
import { plainName } from "../text/names";

export type MemberAction = "makeAdmin" | "makeMember" | "transfer" | "remove";

const RANK: Readonly<Record<Role, number>> = { owner: 0, admin: 1, member: 2, none: 3 };

export function nameOfMember(member: Member): string {
  return plainName(member.nickname || member.displayName);
}

/** The owner, the admins, the others; each by name. */
export function ordered(members: readonly Member[]): Member[] {
  const collator = new Intl.Collator();
  return members
    .filter((member) => member.role !== "none")
    .sort((a, b) => RANK[a.role] - RANK[b.role] || collator.compare(nameOfMember(a), nameOfMember(b)));
}

/** As the server has it: roles are the owner's to give; who governs removes those below. */
export function actionsOn(role: Role, mine: Role): MemberAction[] {
  if (role === "owner" || role === "none") return [];
  if (mine === "owner") return [role === "admin" ? "makeMember" : "makeAdmin", "transfer", "remove"];
  return mine === "admin" && role === "member" ? ["remove"] : [];
}
