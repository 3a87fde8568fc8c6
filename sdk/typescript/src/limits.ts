/** The limits that the server names in its welcome. */

import type { Limits as WireLimits } from "./gen/skein/v1/link_pb.js";

export interface Limits {
  readonly textBytesMax: number;
  readonly extraBytesMax: number;
  /** Milliseconds after sending; 0: no limit. */
  readonly recallWindowMs: number;
  readonly editWindowMs: number;
  readonly groupMembersMax: number;
}

/** Until the first welcome. */
export const DEFAULT_LIMITS: Limits = {
  textBytesMax: 16 * 1024,
  extraBytesMax: 16 * 1024,
  recallWindowMs: 0,
  editWindowMs: 0,
  groupMembersMax: 100_000,
};

export function limitsFromWire(wire: WireLimits): Limits {
  const { textBytesMax, extraBytesMax, recallWindowMs, editWindowMs, groupMembersMax } = wire;
  return { textBytesMax, extraBytesMax, recallWindowMs, editWindowMs, groupMembersMax };
}
