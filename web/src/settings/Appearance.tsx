/** Theme, language, notifications: what holds for this browser. */

import { setTheme, type Theme, theme } from "../state/theme";
import { useObservable } from "../state/useObservable";
import { setLanguage } from "../text/language";
import { useLanguage, useText } from "../text/useText";
import { type Choice, Choices } from "./Choices";
import { NotificationChoice } from "./NotificationChoice";
import { Section } from "./Section";

export function Appearance() {
  const text = useText();
  const language = useLanguage();
  const chosenTheme = useObservable(theme);
  const themes: readonly Choice<Theme>[] = [
    { id: "auto", label: text.settings.automatic, icon: "devices" },
    { id: "light", label: text.settings.light, icon: "sun" },
    { id: "dark", label: text.settings.dark, icon: "moon" },
  ];
  return (
    <>
      <Section title={text.settings.theme}>
        <Choices label={text.settings.theme} choices={themes} chosen={chosenTheme} onChoose={setTheme} />
      </Section>
      <Section title={text.settings.language}>
        <Choices
          label={text.settings.language}
          choices={[
            { id: "en", label: "English" },
            { id: "zh", label: "中文" },
          ]}
          chosen={language}
          onChoose={setLanguage}
        />
      </Section>
      <NotificationChoice />
    </>
  );
}
