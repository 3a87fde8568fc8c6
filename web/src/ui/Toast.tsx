/** One notice. It stays longer the more there is to read, and as long as the pointer rests on it. */

import { useEffect, useState } from "react";
import { useText } from "../text/useText";
import { classNames } from "./classNames";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import styles from "./Toast.module.css";
import type { ToastNotice } from "./Toasts";

const SHOWN_MS = 3000;
const PER_CHARACTER_MS = 45;

export function Toast({ notice, onGone }: { notice: ToastNotice; onGone: (id: number) => void }) {
  const words = useText();
  const [held, setHeld] = useState(false);
  const { id, text, failure } = notice;

  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => onGone(id), SHOWN_MS + text.length * PER_CHARACTER_MS);
    return () => clearTimeout(timer);
  }, [held, id, text, onGone]);

  return (
    <div
      className={classNames(styles.toast, failure && styles.failure)}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
    >
      {failure && <Icon name="warning" />}
      <p className={styles.text} dir="auto">
        {text}
      </p>
      <IconButton className={styles.close} icon="close" label={words.shell.close} onClick={() => onGone(id)} />
    </div>
  );
}
