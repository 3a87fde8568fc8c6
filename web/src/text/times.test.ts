/** Time labels. */

import { expect, test } from "vitest";
import { clockTime, daysBetween, listTime } from "./times";

const now = new Date(2025, 2, 12, 15, 4).getTime();
const label = (date: Date, language: "en" | "zh" = "en") => listTime(date.getTime(), now, language, "Yesterday");

test("today is told by the clock", () => {
  expect(label(new Date(2025, 2, 12, 0, 0))).toBe("00:00");
  expect(label(new Date(2025, 2, 12, 15, 4))).toBe("15:04");
});

test("a clock that runs ahead is still today", () => {
  expect(label(new Date(2025, 2, 13, 0, 30))).toBe("00:30");
});

test("days are counted from midnight to midnight", () => {
  expect(label(new Date(2025, 2, 11, 23, 59))).toBe("Yesterday");
  expect(daysBetween(new Date(2025, 2, 11, 23, 59).getTime(), new Date(2025, 2, 12, 0, 1).getTime())).toBe(1);
});

test("this week by the weekday, this year by the day, else with the year", () => {
  expect(label(new Date(2025, 2, 10, 9))).toBe("Mon");
  expect(label(new Date(2025, 1, 3))).toBe("Feb 3");
  expect(label(new Date(2024, 11, 31))).toBe("Dec 31, 2024");
});

test("in Chinese", () => {
  expect(label(new Date(2025, 2, 10, 9), "zh")).toBe("周一");
  expect(label(new Date(2025, 1, 3), "zh")).toBe("2月3日");
  expect(clockTime(new Date(2025, 1, 3, 0, 5).getTime(), "zh")).toBe("00:05");
});
