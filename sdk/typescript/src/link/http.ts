/** What the two transports over plain HTTP share: headers, and what a refusal means for the link. */

import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ErrorCode, ErrorSchema } from "../gen/skein/v1/error_pb.js";
import { CloseCode, type Hello } from "../gen/skein/v1/link_pb.js";

/** Header that names a session. */
const SESSION_HEADER = "skein-session";

export type Fetch = typeof fetch;

export function sessionHeaders(token: string, sessionId: Uint8Array | undefined): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    ...(sessionId === undefined ? {} : { [SESSION_HEADER]: base64(sessionId) }),
  };
}

export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Where a hello wants to go on. */
export function resumePoint(hello: Hello): { sessionId: Uint8Array | undefined; ack: bigint } {
  return { sessionId: hello.resume?.sessionId, ack: hello.resume?.receivedLinkSeq ?? 0n };
}

/** The close code that a refused request stands for; undefined when it says nothing about the session. */
export async function closeCodeOf(response: Response): Promise<number | undefined> {
  switch (await errorCodeOf(response)) {
    case ErrorCode.TOKEN_EXPIRED:
      return CloseCode.TOKEN_EXPIRED;
    case ErrorCode.TOKEN_REVOKED:
      return CloseCode.TOKEN_REVOKED;
    case ErrorCode.UNAUTHENTICATED:
      return CloseCode.BAD_TOKEN;
    case ErrorCode.ACCOUNT_SUSPENDED:
      return CloseCode.ACCOUNT_SUSPENDED;
    default:
      return undefined;
  }
}

async function errorCodeOf(response: Response): Promise<ErrorCode | undefined> {
  try {
    const answer = (await response.json()) as { details?: readonly { debug?: JsonValue }[] };
    const debug = answer.details?.[0]?.debug;
    return debug === undefined ? undefined : fromJson(ErrorSchema, debug, { ignoreUnknownFields: true }).code;
  } catch {
    return undefined;
  }
}
