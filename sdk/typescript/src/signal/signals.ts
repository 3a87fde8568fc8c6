/** Sends signals, and knows who writes where. */

import type { Caller } from "../caller.js";
import { SkeinError } from "../error.js";
import { SignalService } from "../gen/skein/v1/signal_pb.js";
import type { Signal, SignalReply, SignalTarget } from "./signal.js";
import { Typing } from "./typing.js";

/** What a signal or a reply carries. */
export interface SignalContent {
  /** JSON, or what the kind says. */
  readonly text?: string;
  readonly data?: Uint8Array;
}

export class Signals {
  readonly typing = new Typing();

  constructor(
    private readonly me: string,
    private readonly caller: Caller,
    private readonly isUp: () => boolean,
  ) {}

  /** To how many sessions it was handed. Of typing and recording nothing is counted. */
  async send(to: SignalTarget, kind: string, content: SignalContent = {}): Promise<number> {
    const request = { to: targetToWire(to), kind, ...content };
    const { delivered } = await this.caller.call(SignalService.method.sendSignal, request);
    return delivered;
  }

  /** Waits for the first reply. Throws `UNAVAILABLE` when nobody is there, `TIMEOUT` when no reply comes. */
  async ask(to: SignalTarget, kind: string, content: SignalContent, withinMs: number): Promise<SignalReply> {
    const request = { to: targetToWire(to), kind, expectsReplyMs: withinMs, ...content };
    const { reply } = await this.caller.call(SignalService.method.sendSignal, request);
    if (reply === undefined) throw new SkeinError("MALFORMED", "the server's answer lacks the reply");
    const { deviceId, text, data } = reply;
    return { userId: String(reply.userId), deviceId, text, data };
  }

  /** False: another reply was first, or nobody waits any more. */
  async reply(signalId: string, content: SignalContent): Promise<boolean> {
    const { taken } = await this.caller.call(SignalService.method.replySignal, { signalId, ...content });
    return taken;
  }

  /** Tells the others that one writes there; of many calls one in a few seconds is sent. Failures are of no interest. */
  write(conversationId: string): void {
    if (!this.isUp() || !this.typing.mayTell(conversationId, Date.now())) return;
    this.send({ conversationId }, "typing").catch(() => {});
  }

  /** A signal has come. */
  take({ kind, conversationId, senderId }: Signal): void {
    if (kind === "typing" && conversationId !== "" && senderId !== this.me) this.typing.begin(conversationId, senderId);
  }
}

function targetToWire(to: SignalTarget) {
  if ("conversationId" in to) return { case: "conversationId", value: to.conversationId } as const;
  if ("roomId" in to) return { case: "roomId", value: to.roomId } as const;
  const userId = BigInt(to.userId);
  if ("deviceId" in to) return { case: "device", value: { userId, deviceId: to.deviceId } } as const;
  return { case: "userId", value: userId } as const;
}
