/** Whether a text is nothing but a few emoji, which are then shown large. */

const EMOJI =
  /^(?:\p{RI}\p{RI}|[0-9#*]\ufe0f?\u20e3|\p{Emoji_Presentation}|\p{Extended_Pictographic}|\p{Emoji_Modifier}|\u200d|\ufe0f)+$/u;
const COUNT_MAX = 3;

/** 1 to 3 when it is that many emoji, else 0. */
export function countOfOnlyEmoji(text: string): number {
  if (text.length > 60 || !EMOJI.test(text)) return 0;
  const count = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].length;
  return count <= COUNT_MAX ? count : 0;
}
