/** Every language says everything. */

import { describe, expect, test } from "vitest";
import { ErrorCode as WireErrorCode } from "../../../sdk/typescript/src/gen/skein/v1/error_pb";
import { en } from "./en";
import { errorCode, errorText } from "./errorText";
import { pickLanguage, texts } from "./language";

const OWN_CODES = ["UNKNOWN", "OFFLINE", "CLOSED", "CANCELLED"];

function failure(code: string): Error {
  return Object.assign(new Error("for developers"), { name: "SkeinError", code });
}

/** Every path of the texts with what kind of thing is there. */
function shape(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [`${path}: ${typeof value}`];
  return Object.entries(value).flatMap(([key, inner]) => shape(inner, `${path}/${key}`));
}

describe.each(Object.entries(texts))("%s", (_language, text) => {
  test("words every code that the server may answer", () => {
    const codes = Object.keys(WireErrorCode).filter((name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED");
    expect(Object.keys(text.errors).sort()).toEqual([...codes, ...OWN_CODES].sort());
    for (const code of codes)
      expect(errorText(failure(code), text)).toBe(text.errors[code as keyof typeof text.errors]);
  });

  test("never shows what was thrown by something else", () => {
    expect(errorText(new TypeError("x is undefined"), text)).toBe(text.errors.UNKNOWN);
    expect(errorText(undefined, text)).toBe(text.errors.UNKNOWN);
    expect(errorCode(failure("toString"), text)).toBe("UNKNOWN");
  });

  test("has the shape of the English texts, and nothing is empty", () => {
    expect(shape(text)).toEqual(shape(en));
    for (const line of shape(text)) expect(line).not.toMatch(/undefined/);
  });

  test("differs for every error, so that the reader knows which it is", () => {
    expect(new Set(Object.values(text.errors)).size).toBe(Object.keys(text.errors).length);
  });
});

test("the first language that the app speaks is picked", () => {
  expect(pickLanguage(["de-DE", "zh-TW", "en"])).toBe("zh");
  expect(pickLanguage(["en-GB", "zh"])).toBe("en");
  expect(pickLanguage(["fr"])).toBe("en");
  expect(pickLanguage([])).toBe("en");
});
