/** How somebody looks, as an application sees it. */

import {
  type OnlineDay as WireDay,
  type Presence as WirePresence,
  PresenceState as WireState,
} from "../gen/skein/v1/presence_pb.js";
import type { Platform } from "../model/account.js";
import { platformFromWire } from "../model/convert.js";

/** `hidden`: it is not to be seen, or not known yet. `invisible` is seen by oneself only. */
export type PresenceState = "hidden" | "offline" | "online" | "away" | "busy" | "invisible";

export interface Presence {
  readonly userId: string;
  readonly state: PresenceState;
  /** A line of their own, while they are there. */
  readonly text: string;
  /** What they are connected with. */
  readonly platforms: readonly (Platform | "unknown")[];
  /** While offline; 0: unknown, or not to be seen. */
  readonly lastSeenMs: number;
}

/** How long one was here on one day. */
export interface OnlineDay {
  /** Since 1970-01-01, in the deployment's own time. */
  readonly day: number;
  /** Several devices at the same time count once. */
  readonly onlineMs: number;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
}

const STATES: Readonly<Record<WireState, PresenceState>> = {
  [WireState.UNSPECIFIED]: "hidden",
  [WireState.OFFLINE]: "offline",
  [WireState.ONLINE]: "online",
  [WireState.AWAY]: "away",
  [WireState.BUSY]: "busy",
  [WireState.INVISIBLE]: "invisible",
};

/** What one may choose to look like. */
export type ChosenState = "online" | "away" | "busy" | "invisible";

export const CHOSEN: Readonly<Record<ChosenState, WireState>> = {
  online: WireState.ONLINE,
  away: WireState.AWAY,
  busy: WireState.BUSY,
  invisible: WireState.INVISIBLE,
};

export function presenceFromWire(wire: WirePresence): Presence {
  const platforms = wire.devices.map(({ platform }) => platformFromWire(platform));
  const [userId, lastSeenMs] = [String(wire.userId), Number(wire.lastSeenMs)];
  return { userId, state: STATES[wire.state] ?? "hidden", text: wire.text, platforms, lastSeenMs };
}

export function dayFromWire({ day, onlineMs, firstSeenMs, lastSeenMs }: WireDay): OnlineDay {
  return {
    day: Number(day),
    onlineMs: Number(onlineMs),
    firstSeenMs: Number(firstSeenMs),
    lastSeenMs: Number(lastSeenMs),
  };
}
