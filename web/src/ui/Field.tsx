/** A labelled text input with its hint and its error. */

import { type ComponentProps, type ReactNode, useId } from "react";
import { classNames } from "./classNames";
import styles from "./Field.module.css";

export type FieldProps = ComponentProps<"input"> & {
  label: string;
  error?: string | undefined;
  hint?: ReactNode;
  /** Something at the right end inside the box. */
  after?: ReactNode;
};

export function Field({ label, error, hint, after, className, id, ...input }: FieldProps) {
  const made = useId();
  const inputId = id ?? made;
  const hintId = `${inputId}-hint`;
  const errorId = `${inputId}-error`;
  const wrong = error !== undefined && error !== "";
  const described = classNames(wrong && errorId, hint !== undefined && hintId);
  return (
    <div className={classNames(styles.field, className)}>
      <label className={styles.label} htmlFor={inputId}>
        {label}
      </label>
      <div className={styles.box}>
        <input
          dir="auto"
          {...input}
          id={inputId}
          className={classNames(styles.input, wrong && styles.wrong)}
          aria-invalid={wrong || undefined}
          aria-describedby={described === "" ? undefined : described}
        />
        {after !== undefined && <div className={styles.after}>{after}</div>}
      </div>
      {wrong && (
        <p id={errorId} className={styles.error} role="alert">
          {error}
        </p>
      )}
      {hint !== undefined && (
        <div id={hintId} className={styles.hint}>
          {hint}
        </div>
      )}
    </div>
  );
}
