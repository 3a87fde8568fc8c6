/** The emoji picked lately, kept in this browser. */

const KEY = "skein.emoji.recent";
const COUNT_MAX = 24;

export function recentEmoji(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    if (!Array.isArray(stored)) return [];
    return stored
      .filter((glyph): glyph is string => typeof glyph === "string" && glyph.length <= 20)
      .slice(0, COUNT_MAX);
  } catch {
    return [];
  }
}

/** The list with this one in front. */
export function withRecent(recent: readonly string[], glyph: string): readonly string[] {
  return [glyph, ...recent.filter((other) => other !== glyph)].slice(0, COUNT_MAX);
}

export function rememberEmoji(glyph: string): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(withRecent(recentEmoji(), glyph)));
  } catch {
    // A full or forbidden storage: then there are no recent ones.
  }
}
