/** What a client has between `connect` and `close`. */

import type { Leader } from "./leader/leader.js";
import type { Storage } from "./storage/storage.js";
import type { Tabs } from "./tabs.js";
import type { TokenProvider } from "./tokens.js";

export interface Connected {
  readonly tabs: Tabs;
  readonly storage: Storage;
  readonly tokens: TokenProvider;
  readonly stopListening: () => void;
  leader: Leader | undefined;
  /** Runs out when the tab that leads does not say anything. */
  doubt: ReturnType<typeof setTimeout> | undefined;
}
