/** Emoji: the data is sound, and words of both languages find it. */
import { describe, expect, it } from "vitest";
import { emojiGroups } from "./data";
import { withRecent } from "./recents";
import { searchEmoji } from "./search";

const glyphs = (query: string) => searchEmoji(query).map((emoji) => emoji.glyph);

describe("data", () => {
  it("has each emoji once, with words in both languages", () => {
    const all = emojiGroups.flatMap((group) => group.emoji);
    expect(all.length).toBeGreaterThan(400);
    expect(new Set(all.map((emoji) => emoji.glyph)).size).toBe(all.length);
    for (const emoji of all) {
      expect(emoji.glyph).toMatch(/\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u);
      expect(emoji.words.some((word) => /^[a-z]/.test(word))).toBe(true);
      expect(emoji.words.some((word) => /\p{Script=Han}/u.test(word))).toBe(true);
    }
  });
});

describe("searchEmoji", () => {
  it("finds by English and Chinese words, whole ones first", () => {
    expect(glyphs("crab")).toEqual(["🦀"]);
    expect(glyphs("螃")).toEqual(["🦀"]);
    expect(glyphs("加油")).toContain("💪");
    expect(glyphs("red heart")[0]).toBe("❤️");
    expect(glyphs("THUMBS up")).toContain("👍");
    expect(glyphs("👍")).toEqual(["👍"]);
  });
  it("finds nothing for nothing", () => {
    expect(glyphs("")).toEqual([]);
    expect(glyphs("  ")).toEqual([]);
    expect(glyphs("qqqq")).toEqual([]);
    expect(glyphs("a".repeat(10_000))).toEqual([]);
  });
});

describe("withRecent", () => {
  it("puts it in front, once, and forgets the oldest", () => {
    expect(withRecent(["a", "b"], "b")).toEqual(["b", "a"]);
    const many = Array.from({ length: 24 }, (_, index) => `${index}`);
    expect(withRecent(many, "x")).toHaveLength(24);
    expect(withRecent(many, "x")[0]).toBe("x");
  });
});
