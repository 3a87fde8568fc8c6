/** How much more fits, when it is little. */

import { useText } from "../../text/useText";
import styles from "./Composer.module.css";
import { bytesOf } from "./content";

/** Shown from this part of the limit on. */
const SHOWN_FROM = 0.9;

export function ByteCount({ text, limit }: { text: string; limit: number }) {
  const words = useText().chat;
  // No need to count what cannot be near.
  if (text.length * 3 < limit * SHOWN_FROM) return null;
  const left = limit - bytesOf(text.trim());
  if (left > limit * (1 - SHOWN_FROM)) return null;
  return (
    <p className={left < 0 ? styles.over : styles.near} role="status">
      {left < 0 ? words.tooLong(-left) : words.bytesLeft(left)}
    </p>
  );
}
