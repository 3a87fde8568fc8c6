/** Days over messages, lengths of recordings, sizes of files. */

import { daysBetween } from "../text/times";
import type { Language, Text } from "../text/useText";

const formats = new Map<string, Intl.DateTimeFormat>();

function dayFormat(language: Language, withYear: boolean): Intl.DateTimeFormat {
  const key = `${language} ${withYear}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en", {
    month: "long",
    day: "numeric",
    ...(withYear ? { year: "numeric" } : { weekday: "long" }),
  });
  formats.set(key, made);
  return made;
}

/** The words over a day: today, yesterday, or the date. */
export function dayLabel(timeMs: number, nowMs: number, language: Language, text: Text): string {
  const days = daysBetween(timeMs, nowMs);
  if (days === 0) return text.chat.today;
  if (days === 1) return text.chat.yesterday;
  return dayFormat(language, new Date(timeMs).getFullYear() !== new Date(nowMs).getFullYear()).format(timeMs);
}

/** 1:05, or 1:02:05. */
export function durationLabel(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  const two = (part: number) => `${part}`.padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** 12 KB, 3.4 MB. */
export function sizeLabel(bytes: number): string {
  if (!(bytes >= 1000)) return `${Math.max(0, bytes) || 0} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit]}`;
}
