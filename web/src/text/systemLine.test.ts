/** The lines of the server, in both languages. */

import { expect, test } from "vitest";
import { texts } from "./language";
import { type SystemBody, systemLine } from "./systemLine";

const NAMES: Readonly<Record<string, string>> = {
  "1": "Ann",
  "2": "Bo",
  "3": "Cai",
  "4": "Dee",
  "5": "Eve",
  "6": "Fay",
  "7": "Gus",
};
const nameOf = (userId: string) => NAMES[userId] ?? "?";

function line(kind: string, change: Partial<SystemBody> = {}, me?: string): [string, string] {
  const content: SystemBody = { type: "system", kind, actorId: "1", userIds: [], text: "", ...change };
  return [systemLine(content, nameOf, me, texts.en), systemLine(content, nameOf, me, texts.zh)];
}

test.each([
  [line("group_created", { userIds: ["2", "3"], text: "Hike" }), "Ann created the group “Hike” with Bo and Cai"],
  [line("group_created", { userIds: ["1"], text: "Hike" }, "1"), "You created the group “Hike”"],
  [line("members_added", { userIds: ["2"] }, "2"), "Ann added you"],
  [line("members_added", { userIds: ["2", "3", "4"] }), "Ann added Bo, Cai and Dee"],
  [line("members_added", { userIds: ["2", "3", "4", "5", "6", "7"] }), "Ann added Bo, Cai, Dee, Eve and 2 others"],
  [line("members_removed", { userIds: ["2"] }, "1"), "You removed Bo"],
  [line("member_left"), "Ann left the group"],
  [line("renamed", { text: "Run" }), "Ann renamed the group to “Run”"],
  [line("role_changed", { userIds: ["2"], text: "admin" }), "Ann made Bo an admin"],
  [line("role_changed", { userIds: ["2"], text: "member" }), "Ann made Bo a regular member"],
  [line("role_changed", { userIds: ["2"], text: "owner" }, "2"), "Ann made you the owner"],
])("%j", ([english, chinese], expected) => {
  expect(english).toBe(expected);
  expect(chinese).toMatch(/[\u4e00-\u9fff]/);
});

test("a kind of a newer server falls back to its own words", () => {
  expect(line("group_dissolved", { text: "Ann ended the group" })[0]).toBe("Ann ended the group");
  expect(line("group_dissolved")[0]).toBe("Something changed in this group");
});

test("a name cannot turn around the sentence", () => {
  const content: SystemBody = { type: "system", kind: "member_left", actorId: "9", userIds: [], text: "" };
  expect(systemLine(content, () => "\u202egnp.exe", undefined, texts.en)).toBe("gnp.exe left the group");
  expect(systemLine(content, () => "مريم", undefined, texts.en)).toBe("\u2068مريم\u2069 left the group");
});
