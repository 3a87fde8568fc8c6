/** Ranges against sets of numbers. */

import * as fc from "fast-check";
import { expect, it } from "vitest";
import { addRange, missingRanges, type Range } from "./ranges.js";

const range = fc.tuple(fc.nat(40), fc.nat(12)).map(([from, length]): Range => [from, from + length - 1]);

function numbers(ranges: readonly Range[]): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at));
}

it("are sorted, disjoint and what was added; the rest is missing", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), range, (added, asked) => {
      const ranges = added.reduce<readonly Range[]>(addRange, []);
      const wanted = [...new Set(numbers(added))].sort((a, b) => a - b);
      expect(numbers(ranges)).toEqual(wanted);
      for (const [at, [from]] of ranges.entries())
        if (at > 0) expect(from).toBeGreaterThan((ranges[at - 1]?.[1] ?? 0) + 1);
      const missing = missingRanges(ranges, asked);
      expect(numbers(missing)).toEqual(numbers([asked]).filter((number) => !wanted.includes(number)));
    }),
  );
});
