/** The operations that need no login: register, log in, exchange tokens. */

import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { createConnectTransport } from "@connectrpc/connect-web";
import { callOverHttp, type HttpTransport } from "./call.js";
import { AccountService } from "./gen/skein/v1/account_pb.js";
import type { DeviceInfo, Login, Tokens } from "./model/account.js";
import { deviceInfoToWire, loginFromWire, tokensFromWire } from "./model/convert.js";

/** Throws `SkeinError`: `ALREADY_EXISTS`, `WRONG_CREDENTIALS`, `INVALID_ARGUMENT`, `REGISTRATION_CLOSED`, … */
export class Accounts {
  readonly #transport: HttpTransport;

  constructor(address: string) {
    this.#transport = createConnectTransport({ baseUrl: address, useBinaryFormat: true });
  }

  async register(request: {
    readonly username: string;
    readonly password: string;
    readonly displayName?: string;
    readonly device: DeviceInfo;
  }): Promise<Login> {
    const device = deviceInfoToWire(request.device);
    return loginFromWire(await this.#call(AccountService.method.register, { ...request, device }));
  }

  async logIn(request: {
    readonly username: string;
    readonly password: string;
    readonly device: DeviceInfo;
  }): Promise<Login> {
    const device = deviceInfoToWire(request.device);
    return loginFromWire(await this.#call(AccountService.method.logIn, { ...request, device }));
  }

  /** Logs in with a token that the host application has minted. */
  async exchangeHostToken(hostToken: string, device: DeviceInfo): Promise<Login> {
    const request = { hostToken, device: deviceInfoToWire(device) };
    return loginFromWire(await this.#call(AccountService.method.exchangeHostToken, request));
  }

  /** New tokens for a refresh token, which is used up by this. */
  async refresh(refreshToken: string): Promise<Tokens> {
    return tokensFromWire((await this.#call(AccountService.method.refreshToken, { refreshToken })).tokens);
  }

  #call<I extends DescMethodUnary["input"], O extends DescMethodUnary["output"]>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    return callOverHttp(this.#transport, method, input);
  }
}
