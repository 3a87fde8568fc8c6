/** A button with words on it. While busy it takes no clicks and shows that it works. */

import type { ComponentProps } from "react";
import styles from "./Button.module.css";
import { classNames } from "./classNames";
import { Spinner } from "./Spinner";

export type ButtonProps = ComponentProps<"button"> & {
  kind?: "primary" | "plain" | "danger";
  busy?: boolean;
};

export function Button({ kind = "plain", busy = false, className, children, disabled, type, ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type ?? "button"}
      className={classNames(styles.button, styles[kind], busy && styles.busy, className)}
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
    >
      <span className={styles.words}>{children}</span>
      {busy && (
        <span className={styles.spinner}>
          <Spinner size={16} />
        </span>
      )}
    </button>
  );
}
