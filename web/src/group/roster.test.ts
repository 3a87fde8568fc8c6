/** The order of members, and what one may do to another. */

import type { Member, Role } from "@skein/client";
import { describe, expect, it } from "vitest";
import { actionsOn, nameOfMember, ordered } from "./roster";

const member = (displayName: string, role: Role): Member => ({
  userId: displayName,
  role,
  joinedSeq: 1,
  version: 1,
  nickname: "",
  displayName,
});

describe("roster", () => {
  it("puts the owner and the admins first, and leaves out who is gone", () => {
    const members = [
      member("b", "member"),
      member("z", "admin"),
      member("a", "none"),
      member("a", "member"),
      member("y", "owner"),
    ];
    expect(ordered(members).map(nameOfMember)).toEqual(["y", "z", "a", "b"]);
  });
  it("lets nobody touch the owner, and members nobody", () => {
    expect(actionsOn("owner", "owner")).toEqual([]);
    expect(actionsOn("member", "owner")).toEqual(["makeAdmin", "transfer", "remove"]);
    expect(actionsOn("admin", "owner")).toEqual(["makeMember", "transfer", "remove"]);
    expect(actionsOn("member", "admin")).toEqual(["remove"]);
    expect(actionsOn("admin", "admin")).toEqual([]);
    expect(actionsOn("member", "member")).toEqual([]);
  });
});
