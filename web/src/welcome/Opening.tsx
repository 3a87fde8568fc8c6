/** Shown while the kept login and the stored conversations are read; mostly too short to be seen. */

import { useText } from "../text/useText";
import { Logo } from "../ui/Logo";
import { Spinner } from "../ui/Spinner";
import styles from "./Opening.module.css";

export function Opening() {
  const text = useText();
  return (
    <main className={styles.page}>
      <Logo size={56} />
      <Spinner label={text.welcome.restoring} />
    </main>
  );
}
