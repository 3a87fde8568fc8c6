/** The state of the connection in words. */

import type { ConnectionStatus } from "@skein/client";
import type { Text } from "../text/language";

export interface ConnectionWords {
  readonly words: string;
  readonly mood: "online" | "busy" | "down";
}

export function connectionWords(status: ConnectionStatus, nowMs: number, text: Text): ConnectionWords {
  switch (status.state) {
    case "online":
      return { words: text.shell.online, mood: "online" };
    case "connecting":
      return { words: text.shell.connecting, mood: "busy" };
    case "syncing":
      return {
        words: status.total === 0 ? text.shell.syncing : text.shell.syncingSome(status.done, status.total),
        mood: "busy",
      };
    case "waiting": {
      if (status.offline) return { words: text.shell.offline, mood: "down" };
      const seconds = Math.max(0, Math.ceil((status.retryAtMs - nowMs) / 1000));
      return { words: text.shell.waiting(seconds), mood: "down" };
    }
    case "closed":
      return { words: text.closings[status.code].title, mood: "down" };
  }
}
