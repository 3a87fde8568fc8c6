/** The connection in words. */

import type { ConnectionStatus } from "@skein/client";
import { expect, test } from "vitest";
import { texts } from "../text/language";
import { connectionWords } from "./connectionWords";

const every: readonly [ConnectionStatus, string][] = [
  [{ state: "online", transport: "websocket" }, "Online"],
  [{ state: "connecting", attempt: 1 }, "Connecting…"],
  [{ state: "waiting", attempt: 1, retryAtMs: 5_500, offline: false }, "No connection. Trying again in 5 s"],
  [{ state: "waiting", attempt: 1, retryAtMs: 0, offline: false }, "No connection. Trying again in 0 s"],
  [{ state: "waiting", attempt: 1, retryAtMs: 0, offline: true }, "Offline. Messages are sent when you are back."],
  [{ state: "syncing", done: 0, total: 0 }, "Syncing…"],
  [{ state: "syncing", done: 3, total: 20 }, "Syncing 3 of 20"],
  [{ state: "closed", code: "KICKED", text: "" }, "You logged in elsewhere"],
];

test.each(every)("%j", (status, words) => {
  expect(connectionWords(status, 1_000, texts.en).words).toBe(words);
});
