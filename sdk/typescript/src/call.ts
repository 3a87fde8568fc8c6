/** One operation over HTTP, by the Connect protocol. */

import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { SkeinError } from "./error.js";
import { ErrorSchema } from "./gen/skein/v1/error_pb.js";
import { sessionHeaders } from "./link/http.js";

export type HttpTransport = Transport;

/** Longest wait for an answer. */
export const CALL_TIMEOUT_MS = 30_000;

/** Throws `SkeinError`; `OFFLINE` when the server cannot be reached. */
export async function callOverHttp<I extends DescMessage, O extends DescMessage>(
  transport: HttpTransport,
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  token?: string,
  sessionId?: Uint8Array,
): Promise<MessageShape<O>> {
  const headers = token === undefined ? undefined : sessionHeaders(token, sessionId);
  try {
    const answer = await transport.unary(method, undefined, CALL_TIMEOUT_MS, headers, input);
    return answer.message;
  } catch (thrown) {
    throw errorOf(ConnectError.from(thrown));
  }
}

function errorOf(error: ConnectError): SkeinError {
  const [wire] = error.findDetails(ErrorSchema);
  if (wire !== undefined) return SkeinError.fromWire(wire);
  // No detail of ours: it never reached the server, or something between answered.
  const unreachable = error.code === Code.Unknown || error.code === Code.Unavailable;
  if (unreachable) return SkeinError.offline();
  if (error.code === Code.DeadlineExceeded) return new SkeinError("TIMEOUT", "the server did not answer in time", true);
  return new SkeinError("UNKNOWN", error.rawMessage);
}
