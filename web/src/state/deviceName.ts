/** How this browser is named in the list of devices. */

import type { Text } from "../text/language";

const BROWSERS: readonly [string, RegExp][] = [
  ["Edge", /\bEdg(e|A|iOS)?\//],
  ["Opera", /\bOPR\//],
  ["Samsung Internet", /\bSamsungBrowser\//],
  ["Firefox", /\b(Firefox|FxiOS)\//],
  ["Chrome", /\b(Chrome|CriOS|HeadlessChrome)\//],
  ["Safari", /\bSafari\//],
];

const SYSTEMS: readonly [string, RegExp][] = [
  ["iPhone", /iPhone/],
  ["iPad", /iPad/],
  ["Android", /Android/],
  ["Windows", /Windows/],
  ["ChromeOS", /CrOS/],
  ["macOS", /Mac OS X|Macintosh/],
  ["Linux", /Linux|X11/],
];

export function deviceName(userAgent: string, text: Text): string {
  const browser = BROWSERS.find(([, mark]) => mark.test(userAgent))?.[0] ?? text.welcome.unknownBrowser;
  const system = SYSTEMS.find(([, mark]) => mark.test(userAgent))?.[0] ?? text.welcome.unknownSystem;
  return text.welcome.deviceName(browser, system);
}
