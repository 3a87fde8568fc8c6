/** Menus stay in the window. */

import { expect, test } from "vitest";
import { belowBox, besidePoint } from "./menuPlace";

const menu = { width: 200, height: 300 };
const view = { width: 800, height: 600 };

test("beside a point, turned round at the edges", () => {
  expect(besidePoint({ x: 100, y: 100 }, menu, view)).toEqual({ x: 100, y: 100 });
  expect(besidePoint({ x: 790, y: 590 }, menu, view)).toEqual({ x: 590, y: 290 });
});

test("below a button, above it when there is no room", () => {
  expect(belowBox({ left: 50, right: 90, top: 20, bottom: 60 }, menu, view)).toEqual({ x: 50, y: 64 });
  expect(belowBox({ left: 740, right: 780, top: 540, bottom: 580 }, menu, view)).toEqual({ x: 580, y: 236 });
});

test("never outside, even where it hardly fits", () => {
  expect(besidePoint({ x: 10, y: 200 }, menu, { width: 220, height: 310 })).toEqual({ x: 10, y: 8 });
});
