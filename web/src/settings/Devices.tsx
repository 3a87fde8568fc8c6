/** The devices on which one is logged in; the others can be logged out from here. */

import type { Device } from "@skein/client";
import { useCallback, useEffect, useState } from "react";
import { useNotices } from "../state/notices";
import { useClient } from "../state/session";
import { errorText } from "../text/errorText";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Spinner } from "../ui/Spinner";
import { DeviceRow } from "./DeviceRow";
import styles from "./Devices.module.css";
import { LogOutHere } from "./LogOutHere";
import { Section } from "./Section";

export function Devices() {
  const text = useText();
  const client = useClient();
  const notices = useNotices();
  const [devices, setDevices] = useState<readonly Device[]>();
  const [failure, setFailure] = useState<unknown>();
  const [asked, setAsked] = useState<Device>();

  const load = useCallback(async () => {
    setFailure(undefined);
    try {
      setDevices(sorted(await client.devices()));
    } catch (error) {
      setFailure(error);
    }
  }, [client]);

  useEffect(() => {
    void load();
  }, [load]);

  const revoke = async (device: Device) => {
    await client.revokeDevice(device.deviceId);
    setDevices((before) => before?.filter((other) => other.deviceId !== device.deviceId));
    notices.tell(text.settings.deviceLoggedOut(device.name));
  };

  return (
    <>
      <Section title={text.settings.devices} about={text.settings.devicesText}>
        {devices === undefined && failure === undefined && <Spinner label={text.shell.loading} />}
        {failure !== undefined && (
          <div className={styles.failure} role="alert">
            <p>{errorText(failure, text)}</p>
            <Button onClick={() => void load()}>{text.shell.tryAgain}</Button>
          </div>
        )}
        {devices !== undefined && (
          <ul className={styles.devices} aria-label={text.settings.devices}>
            {devices.map((device) => (
              <DeviceRow key={device.deviceId} device={device} onLogOut={() => setAsked(device)} />
            ))}
          </ul>
        )}
      </Section>
      <LogOutHere />
      {asked !== undefined && (
        <Confirm
          title={text.settings.logOutDeviceQuestion(asked.name)}
          confirm={text.settings.logOut}
          onConfirm={() => revoke(asked)}
          onClose={() => setAsked(undefined)}
        >
          {text.settings.logOutDeviceText}
        </Confirm>
      )}
    </>
  );
}

/** This device first, then those used last. */
function sorted(devices: readonly Device[]): readonly Device[] {
  return [...devices].sort((a, b) => Number(b.current) - Number(a.current) || b.lastSeenTimeMs - a.lastSeenTimeMs);
}
