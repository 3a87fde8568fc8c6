/** The common emoji in groups, each with words in English and Chinese to find it by. Loaded when the picker opens. */

import { faces } from "./groups/faces";
import { food } from "./groups/food";
import { hearts } from "./groups/hearts";
import { nature } from "./groups/nature";
import { people } from "./groups/people";
import { places } from "./groups/places";
import { signs } from "./groups/signs";
import { things } from "./groups/things";

export type EmojiGroup = "faces" | "people" | "hearts" | "nature" | "food" | "places" | "things" | "signs";

export interface Emoji {
  readonly glyph: string;
  /** English words first; the first is its name. All in lower case. */
  readonly words: readonly string[];
}

const SOURCE: Readonly<Record<EmojiGroup, string>> = { faces, people, hearts, nature, food, places, things, signs };

function parse(lines: string): Emoji[] {
  return lines
    .trim()
    .split("\n")
    .map((line) => {
      const [glyph = "", ...words] = line.split(" ");
      return { glyph, words };
    });
}

export const emojiGroups: readonly { readonly group: EmojiGroup; readonly emoji: readonly Emoji[] }[] = (
  Object.keys(SOURCE) as EmojiGroup[]
).map((group) => ({ group, emoji: parse(SOURCE[group]) }));
