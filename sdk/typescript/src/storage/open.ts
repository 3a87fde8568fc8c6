/** Chooses the storage of a client. */

import { IndexedDbStorage } from "./indexeddb.js";
import { MemoryStorage } from "./memory.js";
import type { Storage } from "./storage.js";

/** What was asked for; by default IndexedDB where there is one. When the browser refuses it, `failed` is told and memory has to do. */
export async function openStorage(
  wanted: "indexeddb" | "memory" | Storage | undefined,
  name: string,
  failed: (error: unknown) => void,
): Promise<Storage> {
  const storage = wanted ?? (typeof indexedDB === "undefined" ? "memory" : "indexeddb");
  if (typeof storage !== "string") return storage;
  if (storage === "memory") return new MemoryStorage();
  try {
    return await IndexedDbStorage.open(name);
  } catch (error) {
    failed(error);
    return new MemoryStorage();
  }
}
