/** Signals as an application sees them. */

import type { Signal as WireSignal } from "../gen/skein/v1/signal_pb.js";

/** A short word from a device that was connected, to this one. Nothing of it is stored. */
export interface Signal {
  readonly signalId: string;
  /** Well-known: `typing`, `recording`, `location`, `command`; others carry the application's name: `acme.cursor`. */
  readonly kind: string;
  readonly text: string;
  readonly data: Uint8Array;
  /** "0": the host application. */
  readonly senderId: string;
  readonly senderDeviceId: string;
  /** Empty when it was sent to the user or the device. */
  readonly conversationId: string;
  readonly timeMs: number;
  /** A reply is waited for so long; 0: none is. */
  readonly replyWithinMs: number;
}

/** Whom a signal is for. */
export type SignalTarget =
  | { readonly userId: string }
  | { readonly userId: string; readonly deviceId: string }
  | { readonly conversationId: string }
  | { readonly roomId: string };

export interface SignalReply {
  readonly userId: string;
  readonly deviceId: string;
  readonly text: string;
  readonly data: Uint8Array;
}

export function signalFromWire(wire: WireSignal): Signal {
  const { signalId, kind, text, data, senderDeviceId, conversationId, replyWithinMs } = wire;
  const [senderId, timeMs] = [String(wire.senderId), Number(wire.timeMs)];
  return { signalId, kind, text, data, senderId, senderDeviceId, conversationId, timeMs, replyWithinMs };
}
