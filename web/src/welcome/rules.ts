/** What the server asks of user names and passwords, checked before they are sent. */

import type { Text } from "../text/language";

export const PASSWORD_CHARS_MIN = 8;
const PASSWORD_BYTES_MAX = 256;
const DISPLAY_NAME_CHARS_MAX = 64;
const USERNAME = /^[A-Za-z][A-Za-z0-9._-]{1,31}$/;

/** The error to show beside the field, if any. */
export function checkUsername(username: string, text: Text): string | undefined {
  if (username === "") return text.welcome.usernameMissing;
  return USERNAME.test(username) ? undefined : text.welcome.usernameWrong;
}

export function checkNewPassword(password: string, text: Text): string | undefined {
  if (password === "") return text.welcome.passwordMissing;
  if ([...password].length < PASSWORD_CHARS_MIN) return text.welcome.passwordShort(PASSWORD_CHARS_MIN);
  if (new TextEncoder().encode(password).length > PASSWORD_BYTES_MAX) return text.welcome.passwordLong;
  return undefined;
}

export function checkDisplayName(name: string, text: Text): string | undefined {
  return [...name].length > DISPLAY_NAME_CHARS_MAX ? text.welcome.displayNameLong : undefined;
}

export interface Rule {
  readonly id: string;
  readonly words: string;
  readonly met: boolean;
}

/** The rules of a new password, each with whether it is met. */
export function passwordRules(password: string, text: Text): readonly Rule[] {
  const bytes = new TextEncoder().encode(password).length;
  return [
    {
      id: "min",
      words: text.welcome.passwordMin(PASSWORD_CHARS_MIN),
      met: [...password].length >= PASSWORD_CHARS_MIN,
    },
    ...(bytes > PASSWORD_BYTES_MAX ? [{ id: "max", words: text.welcome.passwordMax, met: false }] : []),
  ];
}
