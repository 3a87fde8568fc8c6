/** What stands on an avatar without a picture: one or two letters, and a colour that stays with the id. */

const NOT_A_LETTER = /[^\p{L}\p{N}]+/u;
const ONE_IS_ENOUGH = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

export function initials(name: string): string {
  const words = name.split(NOT_A_LETTER).filter((word) => word !== "");
  const first = firstLetter(words[0]);
  if (first === "") return [...name.trim()][0] ?? "?";
  if (ONE_IS_ENOUGH.test(first) || words.length < 2) return first.toLocaleUpperCase();
  return (first + firstLetter(words.at(-1))).toLocaleUpperCase();
}

function firstLetter(word: string | undefined): string {
  return [...(word ?? "")][0] ?? "";
}

/** 0 to 7, the same for the same id. */
export function hueOf(id: string): number {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return sum % 8;
}
