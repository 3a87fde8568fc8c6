/** A field for a password, with a button to see what was typed. */

import { useState } from "react";
import { useText } from "../text/useText";
import { Field, type FieldProps } from "../ui/Field";
import { IconButton } from "../ui/IconButton";

export function PasswordField(props: Omit<FieldProps, "after" | "type">) {
  const text = useText();
  const [shown, setShown] = useState(false);
  const toggle = (
    <IconButton
      icon={shown ? "eyeOff" : "eye"}
      label={shown ? text.shell.hideTyped : text.shell.showTyped}
      aria-pressed={shown}
      onClick={() => setShown(!shown)}
    />
  );
  return (
    <Field
      {...props}
      type={shown ? "text" : "password"}
      dir="ltr"
      autoCapitalize="none"
      autoCorrect="off"
      spellCheck={false}
      after={toggle}
    />
  );
}
