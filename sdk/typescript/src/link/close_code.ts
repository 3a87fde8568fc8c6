/** What to do when a link is closed: the range of the code says it. */

import { CloseCode } from "../gen/skein/v1/link_pb.js";

/** Why a client stays closed. `client`: `close()` or `logOut()` was called here. */
export type CloseReason =
  | "client"
  | "BAD_TOKEN"
  | "TOKEN_REVOKED"
  | "KICKED"
  | "ACCOUNT_SUSPENDED"
  | "PROTOCOL_ERROR"
  | "FRAME_TOO_LARGE"
  | "BYE";

/** `resume`: 4000–4099 and everything unknown. `afresh`: 4100–4199. `stay`: 4200–4299, do not reconnect. */
export type AfterClose = "resume" | "afresh" | "stay";

export function afterClose(code: number): AfterClose {
  if (code >= 4200 && code < 4300) return "stay";
  if (code >= 4100 && code < 4200) return "afresh";
  return "resume";
}

/** The name of a code that means staying closed. A code of a newer server reads as `BYE`. */
export function closeReason(code: number): CloseReason {
  return afterClose(code) === "stay" ? ((CloseCode[code] as CloseReason | undefined) ?? "BYE") : "BYE";
}
