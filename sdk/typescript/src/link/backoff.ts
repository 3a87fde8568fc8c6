/** How long to wait before the next try: doubling from a base up to a cap, with jitter so that many clients do not return at once. */

const BASE_MS = 250;
const CAP_MS = 15_000;

/** Milliseconds before the given try (the first is 1). `random` is in [0, 1): between half of the step and all of it. */
export function backoffMs(attempt: number, random: number): number {
  const step = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt - 1, 10));
  return step / 2 + (random * step) / 2;
}
