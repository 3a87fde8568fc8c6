/** Letters on avatars. */

import { expect, test } from "vitest";
import { hueOf, initials } from "./initials";

test.each([
  ["Ann Lee", "AL"],
  ["ann", "A"],
  ["ann.lee", "AL"],
  ["Ann van der Lee", "AL"],
  ["王小明", "王"],
  ["  🦊 fox", "F"],
  ["🦊", "🦊"],
  ["", "?"],
])("%j is %j", (name, letters) => {
  expect(initials(name)).toBe(letters);
});

test("the colour stays with the id", () => {
  expect(hueOf("12345")).toBe(hueOf("12345"));
  expect(new Set(Array.from({ length: 50 }, (_, id) => hueOf(String(id)))).size).toBe(8);
});
