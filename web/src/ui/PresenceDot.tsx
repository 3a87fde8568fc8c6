/** A dot at the corner of a picture: somebody is there. */

import type { Presence } from "@skein/client";
import { isThere, usePresence } from "../state/usePresence";
import { useText } from "../text/useText";
import { classNames } from "./classNames";
import styles from "./PresenceDot.module.css";

export function PresenceDot({ userId }: { userId: string }) {
  const text = useText();
  const presence = usePresence(userId);
  if (presence === undefined || !isThere(presence)) return null;
  const state = presence.state as keyof typeof text.chat.presence & Presence["state"];
  return (
    <span
      className={classNames(styles.dot, state !== "online" && styles.away)}
      role="img"
      aria-label={text.chat.presence[state]}
      title={text.chat.presence[state]}
    />
  );
}
