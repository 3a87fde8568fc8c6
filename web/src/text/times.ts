/** Moments in the reader's language and time zone. */

import type { Language } from "./language";

const LOCALES: Readonly<Record<Language, string>> = { en: "en", zh: "zh-CN" };

type Form = "clock" | "weekday" | "day" | "dayOfYear" | "exact";

const FORMS: Readonly<Record<Form, Intl.DateTimeFormatOptions>> = {
  clock: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  weekday: { weekday: "short" },
  day: { day: "numeric", month: "short" },
  dayOfYear: { day: "numeric", month: "short", year: "numeric" },
  exact: { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" },
};

const formats = new Map<string, Intl.DateTimeFormat>();

function format(form: Form, language: Language): Intl.DateTimeFormat {
  const key = `${language} ${form}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat(LOCALES[language], FORMS[form]);
  formats.set(key, made);
  return made;
}

/** Midnights between two moments, in local time; positive when the first is earlier. */
export function daysBetween(earlierMs: number, laterMs: number): number {
  const midnight = (ms: number) => {
    const date = new Date(ms);
    return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  };
  return Math.round((midnight(laterMs) - midnight(earlierMs)) / 86_400_000);
}

/** 14:05 */
export function clockTime(ms: number, language: Language): string {
  return format("clock", language).format(ms);
}

/** Day and time, in full. */
export function exactTime(ms: number, language: Language): string {
  return format("exact", language).format(ms);
}

/** As short as it stays clear: the time of today, "Yesterday", the weekday, the day, the day with its year. */
export function listTime(ms: number, nowMs: number, language: Language, yesterday: string): string {
  const days = daysBetween(ms, nowMs);
  if (days <= 0) return clockTime(ms, language);
  if (days === 1) return yesterday;
  if (days < 7) return format("weekday", language).format(ms);
  const sameYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
  return format(sameYear ? "day" : "dayOfYear", language).format(ms);
}
