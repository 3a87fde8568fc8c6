/** What is refused before it is sent. */

import { expect, test } from "vitest";
import { texts } from "../text/language";
import { checkDisplayName, checkNewPassword, checkUsername, passwordRules } from "./rules";

const text = texts.en;

test.each(["an", "Ann.Lee-3_x", "a".repeat(32)])("%j is a user name", (name) => {
  expect(checkUsername(name, text)).toBeUndefined();
});

test.each(["", "a", "1ann", "ann lee", "añn", "a".repeat(33)])("%j is none", (name) => {
  expect(checkUsername(name, text)).toBeTypeOf("string");
});

test("passwords are counted in characters below and in bytes above", () => {
  expect(checkNewPassword("1234567", text)).toContain("8");
  expect(checkNewPassword("密码密码密码密码", text)).toBeUndefined();
  expect(checkNewPassword("密".repeat(86), text)).toBe(text.welcome.passwordLong);
  expect(passwordRules("12345678", text).every((rule) => rule.met)).toBe(true);
});

test("a display name has at most 64 characters", () => {
  expect(checkDisplayName("🦊".repeat(64), text)).toBeUndefined();
  expect(checkDisplayName("a".repeat(65), text)).toBe(text.welcome.displayNameLong);
});
