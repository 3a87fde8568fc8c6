/** Searching titles. */

import { expect, test } from "vitest";
import { titleMatches } from "./titleMatches";

test.each([
  ["Zoë Müller", "zoe", true],
  ["Zoë Müller", "mul zo", true],
  ["周末爬山", "爬山", true],
  ["Hike", "bike", false],
  ["Hike", "  ", true],
])("%j holds %j: %j", (title, query, expected) => {
  expect(titleMatches(title, query)).toBe(expected);
});
