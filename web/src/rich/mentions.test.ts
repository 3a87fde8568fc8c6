/** Mentions: code points against UTF-16, and spans under edits. */
import { describe, expect, it } from "vitest";
import { moveAtoms, toAtoms, toMentions, trimAtoms } from "./mentions";
import { parsePlain } from "./plain";

describe("spans", () => {
  it("counts code points", () => {
    const text = "👩‍🚀 hi @Ann𝒜 and @李";
    const mention = { userId: "7", offset: 7, length: 5 };
    const [atom] = toAtoms(text, [mention]);
    expect(text.slice(atom?.start, atom?.end)).toBe("@Ann𝒜");
    expect(toMentions(text, atom ? [atom] : [])).toEqual([mention]);
  });

  it("drops what cannot be", () => {
    const span = (offset: number, length: number) => ({ userId: "1", offset, length });
    expect(toAtoms("abc", [span(-1, 2), span(0, 0), span(2, 5), span(1.5, 1), span(9, 1)])).toEqual([]);
    expect(toAtoms("abcdef", [span(2, 3), span(0, 4)])).toEqual([{ start: 0, end: 4, userId: "1" }]);
    expect(toAtoms("a\nb", [span(0, 3)])).toEqual([]);
  });

  it("beats an address", () => {
    const nodes = parsePlain("@https://a.example x\nhttps://b.example", [{ start: 0, end: 18, userId: "1" }]);
    expect(nodes.map((node) => node.kind)).toEqual(["mention", "text", "break", "link"]);
  });
});

describe("moveAtoms", () => {
  const atoms = [{ start: 3, end: 7, userId: "1" }];
  const text = "hi @bob you";
  it("stays before, moves behind, goes with an edit inside", () => {
    expect(moveAtoms(atoms, text, `${text}!`)).toEqual(atoms);
    expect(moveAtoms(atoms, text, `oh ${text}`, 3)).toEqual([{ start: 6, end: 10, userId: "1" }]);
    expect(moveAtoms(atoms, text, "hi @boob you", 7)).toEqual([]);
    expect(moveAtoms(atoms, text, "hi @bo you", 6)).toEqual([]);
    expect(moveAtoms(atoms, text, "")).toEqual([]);
  });
  it("tells edits at the edge apart by the caret", () => {
    expect(moveAtoms(atoms, text, "hi @@bob you", 4)).toEqual([{ start: 4, end: 8, userId: "1" }]);
    expect(moveAtoms(atoms, text, "hi  @bob you", 3)).toEqual([{ start: 4, end: 8, userId: "1" }]);
    expect(moveAtoms(atoms, text, "hi @bob  you", 8)).toEqual(atoms);
  });
  it("trims", () => {
    expect(trimAtoms("  @bob ", [{ start: 2, end: 6, userId: "1" }])).toEqual([{ start: 0, end: 4, userId: "1" }]);
    expect(trimAtoms("@bob ", [{ start: 0, end: 5, userId: "1" }])).toEqual([]);
  });
});
