/** What can go wrong, told apart by a code. */

import { type Error as WireError, ErrorCode as WireErrorCode } from "./gen/skein/v1/error_pb.js";

/** The server's codes, and three of our own: OFFLINE (no connection now), CLOSED (the client was closed), CANCELLED. */
export type ErrorCode =
  | Exclude<keyof typeof WireErrorCode, "UNSPECIFIED">
  | "UNKNOWN"
  | "OFFLINE"
  | "CLOSED"
  | "CANCELLED";

/** The one error that this package throws. */
export class SkeinError extends Error {
  override readonly name = "SkeinError";

  constructor(
    /** For programs; see proto/skein/v1/error.proto. */
    readonly code: ErrorCode,
    /** For people; in English. */
    text: string,
    /** Whether the same request may succeed later. */
    readonly retryable: boolean = false,
    /** Milliseconds to wait before repeating; 0: no advice. */
    readonly retryAfterMs: number = 0,
  ) {
    super(text);
  }

  static fromWire(error: WireError): SkeinError {
    const name = (WireErrorCode[error.code] ?? "UNKNOWN") as ErrorCode;
    const code = (name as string) === "UNSPECIFIED" ? "UNKNOWN" : name;
    return new SkeinError(code, error.text || code, error.retryable, error.retryAfterMs);
  }

  static offline(): SkeinError {
    return new SkeinError("OFFLINE", "there is no connection to the server right now", true);
  }

  static closed(): SkeinError {
    return new SkeinError("CLOSED", "the client is closed");
  }
}

/** Any thrown thing as a `SkeinError`. */
export function asSkeinError(thrown: unknown): SkeinError {
  if (thrown instanceof SkeinError) return thrown;
  return new SkeinError("UNKNOWN", thrown instanceof Error ? thrown.message : String(thrown));
}
