/** Which texts are folded. */

const CHARACTERS_MAX = 1_800;
const LINES_MAX = 24;

export function isLong(text: string): boolean {
  if (text.length > CHARACTERS_MAX) return true;
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    lines += 1;
    if (lines > LINES_MAX) return true;
  }
  return false;
}
