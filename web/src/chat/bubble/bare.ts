/** Which messages stand without a bubble around them. */

import type { Content } from "@skein/client";
import { countOfOnlyEmoji } from "../../rich/emoji/onlyEmoji";

/** A few emoji and nothing else. */
export function isBare(content: Content): boolean {
  return content.type === "text" && content.reply === undefined && countOfOnlyEmoji(content.text) > 0;
}
