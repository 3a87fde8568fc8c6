/** One device: what it is, when it was there last, and the button to log it out. */

import type { Device } from "@skein/client";
import { plainName } from "../text/names";
import { exactTime } from "../text/times";
import { useLanguage, useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import styles from "./DeviceRow.module.css";

export function DeviceRow({ device, onLogOut }: { device: Device; onLogOut: () => void }) {
  const text = useText();
  const language = useLanguage();
  const name = plainName(device.name);
  return (
    <li className={styles.device}>
      <span className={styles.icon}>
        <Icon name={device.platform === "web" || device.platform === "desktop" ? "devices" : "person"} />
      </span>
      <div className={styles.words}>
        <p className={styles.name}>
          <bdi>{name}</bdi>
          {device.current && <span className={styles.here}>{text.settings.thisDevice}</span>}
        </p>
        <p className={styles.detail}>
          {text.settings.platforms[device.platform]}
          {" · "}
          {device.online ? (
            <span className={styles.online}>{text.settings.online}</span>
          ) : (
            text.settings.lastSeen(exactTime(device.lastSeenTimeMs, language))
          )}
        </p>
        <p className={styles.detail}>{text.settings.loggedInSince(exactTime(device.createdTimeMs, language))}</p>
      </div>
      {!device.current && (
        <Button kind="danger" aria-label={text.settings.logOutDevice(name)} onClick={onLogOut}>
          {text.settings.logOut}
        </Button>
      )}
    </li>
  );
}
