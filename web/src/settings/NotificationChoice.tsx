/** Switches notifications on and off; the browser is asked only after the click. */

import { notifications, switchNotifications } from "../state/notifications";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import styles from "./NotificationChoice.module.css";
import { Section } from "./Section";

export function NotificationChoice() {
  const text = useText();
  const state = useObservable(notifications);
  const words = {
    missing: text.settings.notificationsMissing,
    denied: text.settings.notificationsDenied,
    off: text.settings.notificationsText,
    on: text.settings.notificationsOn,
  }[state];
  return (
    <Section title={text.settings.notifications} about={words}>
      {state === "off" && (
        <Button kind="primary" className={styles.button} onClick={() => void switchNotifications(true)}>
          {text.settings.switchOn}
        </Button>
      )}
      {state === "on" && (
        <Button className={styles.button} onClick={() => void switchNotifications(false)}>
          {text.settings.switchOff}
        </Button>
      )}
    </Section>
  );
}
