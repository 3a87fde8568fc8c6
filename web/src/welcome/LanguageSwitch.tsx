/** Changes the language before anybody is logged in. */

import { type Language, setLanguage } from "../text/language";
import { useLanguage } from "../text/useText";
import styles from "./LanguageSwitch.module.css";

const LANGUAGES: readonly [Language, string][] = [
  ["en", "English"],
  ["zh", "中文"],
];

export function LanguageSwitch() {
  const language = useLanguage();
  return (
    <div className={styles.languages}>
      {LANGUAGES.map(([id, name]) => (
        <button
          key={id}
          type="button"
          lang={id}
          className={styles.language}
          aria-pressed={id === language}
          onClick={() => setLanguage(id)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
