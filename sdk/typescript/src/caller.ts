/** Calls operations: over the link when it is there, else over HTTP. The answer is the same. */

import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { CALL_TIMEOUT_MS, callOverHttp, type HttpTransport } from "./call.js";
import { asSkeinError, SkeinError } from "./error.js";
import type { Link } from "./link/link.js";
import type { TokenProvider } from "./tokens.js";

export class Caller {
  /** The link of this tab, while it has one. */
  link: Link | undefined;
  /** The session of that link. */
  sessionId: Uint8Array | undefined;
  closed = false;

  constructor(
    private readonly http: HttpTransport,
    private readonly tokens: TokenProvider,
  ) {}

  /** Throws `SkeinError`. After `OFFLINE` it is not known whether the operation was done. */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    if (this.closed) throw SkeinError.closed();
    return this.#call(method, input, undefined);
  }

  /** The same for what concerns the session of this tab's link, however it is asked. */
  async callBySession<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    if (this.closed) throw SkeinError.closed();
    return this.#call(method, input, this.sessionId);
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    sessionId: Uint8Array | undefined,
  ): Promise<MessageShape<O>> {
    if (!this.link?.carriesRequests) return this.#overHttp(method, input, sessionId);
    const service = method.parent.typeName.split(".").pop();
    const body = toBinary(method.input, create(method.input, input));
    return fromBinary(method.output, await timed(this.link.request(`${service}/${method.name}`, body)));
  }

  async #overHttp<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    sessionId: Uint8Array | undefined,
  ): Promise<MessageShape<O>> {
    const token = await this.tokens({ rejected: undefined });
    try {
      return await callOverHttp(this.http, method, input, token, sessionId);
    } catch (thrown) {
      if (asSkeinError(thrown).code !== "TOKEN_EXPIRED") throw thrown;
      return callOverHttp(this.http, method, input, await this.tokens({ rejected: token }), sessionId);
    }
  }
}

/** Gives up waiting for an answer after a while. */
function timed<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new SkeinError("TIMEOUT", "the server did not answer in time", true)),
      CALL_TIMEOUT_MS,
    );
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
