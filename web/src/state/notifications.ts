/** Whether this browser may show notifications, and whether its reader wants them. */

import type { Observable } from "@skein/client";
import { changing } from "./changing";
import { kept } from "./kept";

/** `missing`: the browser has none. `denied`: the reader told the browser never. */
export type Notifications = "missing" | "denied" | "off" | "on";

const choice = kept("skein.notifications");
const current = changing<Notifications>(now());
export const notifications: Observable<Notifications> = current;

export function notificationsOn(): boolean {
  return now() === "on";
}

/** Asks the browser, so only after a click. */
export async function switchNotifications(on: boolean): Promise<void> {
  if (on && typeof Notification !== "undefined") await Notification.requestPermission();
  choice.write(on ? "on" : undefined);
  current.set(now());
}

function now(): Notifications {
  if (typeof Notification === "undefined") return "missing";
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && choice.read() === "on" ? "on" : "off";
}
