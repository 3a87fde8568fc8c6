/** How seldom a client may say something. */

import { expect, it } from "vitest";
import { Pace } from "./pace.js";

it("grows while silence is survived, and stays below what killed a link", () => {
  const pace = new Pace();
  const hold = (times: number) => {
    for (let count = 0; count < times; count += 1) pace.held();
  };
  hold(2);
  expect(pace.wishMs(30_000)).toBe(0);
  expect(pace.held()).toBe(true);
  expect(pace.wishMs(30_000)).toBe(45_000);
  hold(6);
  expect(pace.wishMs(30_000)).toBe(90_000);
  pace.lost();
  hold(100);
  expect(pace.wishMs(30_000)).toBe(60_000);
  for (let count = 0; count < 10; count += 1) pace.lost();
  expect(pace.wishMs(30_000)).toBe(0);
});

it("ends at ten times", () => {
  const pace = new Pace();
  for (let count = 0; count < 100; count += 1) pace.held();
  expect(pace.wishMs(30_000)).toBe(300_000);
});
