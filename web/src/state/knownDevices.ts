/** The device id of each user who has logged in with this browser, so that logging in again is the same device. */

import { kept } from "./kept";

const store = kept("skein.known-devices");
const USERS_MAX = 20;

export function knownDevice(username: string): string | undefined {
  return read().get(username.toLowerCase());
}

export function rememberDevice(username: string, deviceId: string): void {
  const known = read();
  known.delete(username.toLowerCase());
  known.set(username.toLowerCase(), deviceId);
  store.write(JSON.stringify([...known].slice(-USERS_MAX)));
}

function read(): Map<string, string> {
  try {
    const entries: unknown = JSON.parse(store.read() ?? "[]");
    return new Map(Array.isArray(entries) ? entries.filter(isEntry) : []);
  } catch {
    return new Map();
  }
}

function isEntry(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string");
}
