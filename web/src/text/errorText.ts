/** What went wrong, in the reader's language, and what to do about it. */

import type { ErrorCode } from "@skein/client";
import type { Text } from "./language";

/** The code of a `SkeinError`; anything else that was thrown is UNKNOWN. */
export function errorCode(error: unknown, text: Text): ErrorCode {
  if (!(error instanceof Error) || error.name !== "SkeinError" || !("code" in error)) return "UNKNOWN";
  const code = error.code;
  return typeof code === "string" && Object.hasOwn(text.errors, code) ? (code as ErrorCode) : "UNKNOWN";
}

export function errorText(error: unknown, text: Text): string {
  return text.errors[errorCode(error, text)];
}
