/** The texts of the reader's language, for components. */

import { useObservable } from "../state/useObservable";
import { type Language, language, type Text, texts } from "./language";

export type { Language, Text } from "./language";

export function useLanguage(): Language {
  return useObservable(language);
}

export function useText(): Text {
  return texts[useLanguage()];
}
