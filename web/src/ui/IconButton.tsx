/** A round button with an icon; the label is its accessible name and its tooltip. */

import type { ComponentProps } from "react";
import { classNames } from "./classNames";
import { Icon, type IconName } from "./Icon";
import styles from "./IconButton.module.css";

export type IconButtonProps = Omit<ComponentProps<"button">, "children"> & { icon: IconName; label: string };

export function IconButton({ icon, label, className, type, ...rest }: IconButtonProps) {
  return (
    <button
      title={label}
      {...rest}
      type={type ?? "button"}
      aria-label={label}
      className={classNames(styles.button, className)}
    >
      <Icon name={icon} />
    </button>
  );
}
