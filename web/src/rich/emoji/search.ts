/** Finds emoji by words, in either language. */
import { type Emoji, emojiGroups } from "./data";

/** How well one wanted word fits: 0 exactly, 1 as a beginning, 2 inside (Chinese only), 3 not at all. */
function closeness(emoji: Emoji, wanted: string): number {
  let best = 3;
  for (const word of emoji.words) {
    if (word === wanted) return 0;
    if (word.startsWith(wanted)) best = Math.min(best, 1);
    else if (/[^ -~]/.test(wanted) && word.includes(wanted)) best = Math.min(best, 2);
  }
  return best;
}

/** The emoji that fit all the words, the best first; none for an empty query. */
export function searchEmoji(query: string, max = 80): Emoji[] {
  const wanted = query.trim().toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8);
  if (wanted.length === 0) return [];
  const found: { emoji: Emoji; score: number }[] = [];
  for (const emoji of emojiGroups.flatMap((group) => group.emoji)) {
    const fits = wanted.map((word) => (emoji.glyph === word ? 0 : closeness(emoji, word)));
    if (!fits.includes(3)) found.push({ emoji, score: fits.reduce((sum, one) => sum + one, 0) });
  }
  found.sort((a, b) => a.score - b.score);
  return found.slice(0, max).map((one) => one.emoji);
}
