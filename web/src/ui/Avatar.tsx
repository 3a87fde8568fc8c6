/** A round picture of somebody: a data: URL, or initials on a colour. Decoration: the name stands beside it. */

import styles from "./Avatar.module.css";
import { classNames } from "./classNames";
import { hueOf, initials } from "./initials";

export function Avatar({ id, name, src, size = 44 }: { id: string; name: string; src?: string; size?: number }) {
  const box = { width: size, height: size, fontSize: size * 0.38 };
  if (src?.startsWith("data:image/")) {
    return <img className={styles.avatar} style={box} src={src} alt="" draggable={false} />;
  }
  return (
    <span className={classNames(styles.avatar, styles[`hue${hueOf(id)}`])} style={box} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
