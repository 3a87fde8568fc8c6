/** The settings: one page at a time, chosen at the top. */

import { formatPlace, type SettingsPage } from "../state/place";
import { useText } from "../text/useText";
import { Icon, type IconName } from "../ui/Icon";
import { IconButton } from "../ui/IconButton";
import { Appearance } from "./Appearance";
import { BlockedPeople } from "./BlockedPeople";
import { Devices } from "./Devices";
import { Privacy } from "./Privacy";
import { Profile } from "./Profile";
import styles from "./SettingsPane.module.css";

type Page = SettingsPage | "devices";

const PAGES: readonly { page: Page; icon: IconName }[] = [
  { page: "profile", icon: "person" },
  { page: "appearance", icon: "palette" },
  { page: "privacy", icon: "eye" },
  { page: "devices", icon: "devices" },
  { page: "blocked", icon: "block" },
];

export function SettingsPane({ page, onBack }: { page: Page; onBack: () => void }) {
  const text = useText();
  return (
    <main className={styles.pane} aria-label={text.settings.title}>
      <header className={styles.header}>
        <IconButton icon="back" label={text.shell.back} onClick={onBack} />
        <h1 className={styles.title}>{text.settings.title}</h1>
      </header>
      <nav className={styles.tabs} aria-label={text.settings.title}>
        {PAGES.map((one) => (
          <a
            key={one.page}
            className={styles.tab}
            href={
              one.page === "devices" ? formatPlace({ at: "devices" }) : formatPlace({ at: "settings", page: one.page })
            }
            aria-current={one.page === page ? "page" : undefined}
          >
            <Icon name={one.icon} size={18} />
            <span>{text.settings[one.page]}</span>
          </a>
        ))}
      </nav>
      <div className={styles.body}>
        <div className={styles.page}>
          {page === "profile" && <Profile />}
          {page === "appearance" && <Appearance />}
          {page === "privacy" && <Privacy />}
          {page === "devices" && <Devices />}
          {page === "blocked" && <BlockedPeople />}
        </div>
      </div>
    </main>
  );
}
