/** Which language the app speaks: the one chosen in the settings, else what the browser asks for. */

import type { Observable } from "@skein/client";
import { changing } from "../state/changing";
import { kept } from "../state/kept";
import { en } from "./en";
import { zh } from "./zh";

export type Language = "en" | "zh";
/** Every visible text, as one language has it. */
export type Text = typeof en;

export const texts: Readonly<Record<Language, Text>> = { en, zh };

const choice = kept("skein.language");

/** The first of the browser's languages that the app speaks. */
export function pickLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "en" || primary === "zh") return primary;
  }
  return "en";
}

function now(): Language {
  const chosen = choice.read();
  return chosen === "en" || chosen === "zh" ? chosen : pickLanguage(navigator.languages);
}

const current = changing<Language>("en");
export const language: Observable<Language> = current;

export function setLanguage(next: Language): void {
  choice.write(next);
  applyLanguage(next);
}

/** Call once at the start, before anything is shown: takes the choice, and follows the one made in other tabs. */
export function followLanguage(): void {
  applyLanguage(now());
  choice.onChange(() => applyLanguage(now()));
}

function applyLanguage(next: Language): void {
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  current.set(next);
}

/** For what is worded outside of components. */
export function currentText(): Text {
  return texts[current.current];
}
