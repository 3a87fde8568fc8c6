/** The place in the hash of the address. */

import { expect, test } from "vitest";
import { formatPlace, type Place, parsePlace } from "./place";

const places: readonly Place[] = [
  { at: "list" },
  { at: "chat", conversationId: "12:34" },
  { at: "chat", conversationId: "g56" },
  { at: "settings", page: "profile" },
  { at: "settings", page: "appearance" },
  { at: "settings", page: "blocked" },
  { at: "devices" },
];

test.each(places)("%j goes into the hash and comes back", (place) => {
  expect(parsePlace(formatPlace(place))).toEqual(place);
});

test("the promised forms", () => {
  expect(parsePlace("#/c/12:34")).toEqual({ at: "chat", conversationId: "12:34" });
  expect(formatPlace({ at: "settings", page: "profile" })).toBe("#/settings");
  expect(formatPlace({ at: "chat", conversationId: "12:34" })).toBe("#/c/12:34");
  expect(formatPlace({ at: "devices" })).toBe("#/devices");
});

test.each(["", "#", "#/", "#/c", "#/c/", "#/nowhere", "#/c/%E0%A4%A"])("%j is the list", (hash) => {
  expect(parsePlace(hash)).toEqual({ at: "list" });
});

test("an unknown settings page is the first one", () => {
  expect(parsePlace("#/settings/plumbing")).toEqual({ at: "settings", page: "profile" });
});
