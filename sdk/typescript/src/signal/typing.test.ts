import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { TYPING_APART_MS, TYPING_GOOD_MS, Typing } from "./typing.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("shows who writes until the sign is old, or the message is there", () => {
  const typing = new Typing();
  const writers = typing.in("1:2");
  const heard: (readonly string[])[] = [];
  writers.subscribe(() => heard.push(writers.current));
  typing.begin("1:2", "2");
  vi.advanceTimersByTime(TYPING_GOOD_MS - 1);
  typing.begin("1:2", "2");
  vi.advanceTimersByTime(TYPING_GOOD_MS - 1);
  expect(writers.current).toEqual(["2"]);
  typing.begin("1:2", "3");
  vi.advanceTimersByTime(1);
  expect(writers.current).toEqual(["3"]);
  typing.end("1:2", "3");
  typing.end("1:2", "9");
  expect(writers.current).toEqual([]);
  expect(heard).toEqual([["2"], ["2", "3"], ["3"], []]);
});

it("tells the others every few seconds, each conversation by itself", () => {
  const typing = new Typing();
  let told = 0;
  for (let nowMs = 0; nowMs < 10 * TYPING_APART_MS; nowMs += 50) told += typing.mayTell("1:2", nowMs) ? 1 : 0;
  expect(told).toBe(10);
  expect(typing.mayTell("1:3", 10 * TYPING_APART_MS - 1)).toBe(true);
  expect(typing.mayTell("1:3", 10 * TYPING_APART_MS)).toBe(false);
});
