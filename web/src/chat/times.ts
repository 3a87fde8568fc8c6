/** Times and days, as the reader's language writes them. */

import type { Language, Text } from "../text/useText";
import { sameDay } from "./history/shape";

const LOCALE: Readonly<Record<Language, string | undefined>> = { en: undefined, zh: "zh-CN" };
const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: Language, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language} ${name}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  // English keeps the reader's own variant of it: 24 hours in Britain, 12 in the States.
  const own = navigator.languages.find((tag) => tag.startsWith(language));
  const made = new Intl.DateTimeFormat(own ?? LOCALE[language] ?? language, options);
  formats.set(key, made);
  return made;
}

export function clockTime(timeMs: number, language: Language): string {
  return format(language, "clock", { hour: "2-digit", minute: "2-digit" }).format(timeMs);
}

export function fullTime(timeMs: number, language: Language): string {
  return format(language, "full", { dateStyle: "long", timeStyle: "medium" }).format(timeMs);
}

export function dateOf(timeMs: number, language: Language): string {
  return format(language, "date", { dateStyle: "long" }).format(timeMs);
}

/** The words over a day: today, yesterday, or the date. */
export function dayLabel(timeMs: number, nowMs: number, language: Language, text: Text): string {
  if (sameDay(timeMs, nowMs)) return text.chat.today;
  if (sameDay(timeMs, nowMs - 86_400_000)) return text.chat.yesterday;
  const sameYear = new Date(timeMs).getFullYear() === new Date(nowMs).getFullYear();
  return format(language, sameYear ? "day" : "year", {
    month: "long",
    day: "numeric",
    weekday: "short",
    ...(sameYear ? {} : { year: "numeric" }),
  }).format(timeMs);
}

/** 1:05, or 1:02:05. */
export function durationLabel(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => `${part}`.padStart(2, "0"));
  const hours = Math.floor(seconds / 3600);
  return hours > 0 ? `${hours}:${parts.join(":")}` : parts.join(":").replace(/^0/, "");
}

/** 12 KB, 3.4 MB. */
export function sizeLabel(bytes: number): string {
  if (bytes < 1000) return `${Math.max(0, bytes)} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit]}`;
}
