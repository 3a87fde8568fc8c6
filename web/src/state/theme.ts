/** Light or dark: as chosen in the settings, or as the system has it. */

import type { Observable } from "@skein/client";
import { changing } from "./changing";
import { kept } from "./kept";

export type Theme = "auto" | "light" | "dark";

const choice = kept("skein.theme");

function now(): Theme {
  const chosen = choice.read();
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

const current = changing<Theme>(now());
export const theme: Observable<Theme> = current;

export function setTheme(next: Theme): void {
  choice.write(next === "auto" ? undefined : next);
  applyTheme(next);
}

/** Call once at the start: marks the page, and follows the system and the other tabs. */
export function followTheme(): void {
  applyTheme(now());
  choice.onChange(() => applyTheme(now()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => applyTheme(current.current));
}

function applyTheme(next: Theme): void {
  const dark = next === "dark" || (next === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  current.set(next);
}
