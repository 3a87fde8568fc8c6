/** Who sees whether one is here, and looking offline to everybody. */

import { Switch } from "../group/Switch";
import { useNotices } from "../state/notices";
import { useClient } from "../state/session";
import { useObservable } from "../state/useObservable";
import { usePresence } from "../state/usePresence";
import { useText } from "../text/useText";
import { type Choice, Choices } from "./Choices";
import { Section } from "./Section";

type Who = "everybody" | "contacts" | "nobody";
const KEYS = ["presence.visible", "presence.last_seen"] as const;

export function Privacy() {
  const client = useClient();
  const text = useText();
  const settings = useObservable(client.settings);
  const own = usePresence(client.userId);
  const notices = useNotices();
  const attempt = (change: Promise<void>) => void change.catch(notices.fail);
  const choices: readonly Choice<Who>[] = [
    { id: "everybody", label: text.settings.everybody },
    { id: "contacts", label: text.settings.contacts },
    { id: "nobody", label: text.settings.nobody },
  ];
  const labels = { "presence.visible": text.settings.seesPresence, "presence.last_seen": text.settings.seesLastSeen };
  const invisible = own?.state === "invisible";
  return (
    <>
      {KEYS.map((key) => (
        <Section key={key} title={labels[key]} about={text.settings.privacyText}>
          <Choices
            label={labels[key]}
            choices={choices}
            chosen={(settings[key] as Who | undefined) || "everybody"}
            onChoose={(who) => attempt(client.putSetting(key, who))}
          />
        </Section>
      ))}
      <Section title={text.settings.invisible} about={text.settings.invisibleText}>
        <Switch
          label={text.settings.invisible}
          on={invisible}
          onChange={(on) => attempt(client.presence.choose(on ? "invisible" : "online"))}
        />
      </Section>
    </>
  );
}
