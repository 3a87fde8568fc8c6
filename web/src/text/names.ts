/** Names of people, made safe to stand inside a sentence: they cannot turn around the text beside them. */

// Marks that override or embed a direction, or end an isolation: with them a name could rearrange its surroundings.
const DIRECTION_MARKS = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;
const LINE_BREAKS = /[\p{Cc}\u2028\u2029]+/gu;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** One line without direction marks. */
export function plainName(name: string): string {
  return name.replace(DIRECTION_MARKS, "").replace(LINE_BREAKS, " ").trim();
}

/** For a sentence: a name in a script from right to left is isolated from what stands around it. */
export function nameInSentence(name: string): string {
  const plain = plainName(name);
  return RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
}
