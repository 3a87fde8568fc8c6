/** Where the reader is, kept in the hash of the address, so that back, forward and reload work. */

import { useSyncExternalStore } from "react";

export type SettingsPage = "profile" | "appearance" | "privacy" | "blocked";

export type Place =
  | { readonly at: "list" }
  | { readonly at: "chat"; readonly conversationId: string }
  | { readonly at: "settings"; readonly page: SettingsPage }
  | { readonly at: "devices" };

const list: Place = { at: "list" };

export function parsePlace(hash: string): Place {
  const [first, second] = hash.replace(/^#?\/?/, "").split("/");
  if (first === "c" && second !== undefined && second !== "") {
    const conversationId = decode(second);
    return conversationId === undefined ? list : { at: "chat", conversationId };
  }
  if (first === "settings") return { at: "settings", page: settingsPage(second) };
  if (first === "devices") return { at: "devices" };
  return list;
}

export function formatPlace(place: Place): string {
  switch (place.at) {
    case "list":
      return "#/";
    case "chat":
      return `#/c/${encodeURIComponent(place.conversationId).replaceAll("%3A", ":")}`;
    case "settings":
      return place.page === "profile" ? "#/settings" : `#/settings/${place.page}`;
    case "devices":
      return "#/devices";
  }
}

function settingsPage(name: string | undefined): SettingsPage {
  return name === "appearance" || name === "privacy" || name === "blocked" ? name : "profile";
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

let lastHash: string | undefined;
let lastPlace: Place = list;

function currentPlace(): Place {
  if (location.hash !== lastHash) {
    lastHash = location.hash;
    lastPlace = parsePlace(lastHash);
  }
  return lastPlace;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

/** Goes there; the way back stays in the browser's history. */
export function goTo(place: Place): void {
  const hash = formatPlace(place);
  if (hash !== location.hash) location.hash = hash;
}

export function usePlace(): [Place, (to: Place) => void] {
  return [useSyncExternalStore(subscribe, currentPlace), goTo];
}
