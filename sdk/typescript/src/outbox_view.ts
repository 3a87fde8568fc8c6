/** Reads the outbox of the storage when it has changed: one read after the other, so that an older one does not win. */

import type { OutboxRecord, Storage } from "./storage/storage.js";

export interface OutboxEvents {
  readonly read: (records: readonly OutboxRecord[]) => void;
  readonly failed: (error: unknown) => void;
}

export class OutboxView {
  #reading = false;
  #upToDate = true;

  constructor(
    private readonly storage: () => Storage,
    private readonly events: OutboxEvents,
  ) {}

  async read(): Promise<void> {
    this.#upToDate = false;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (!this.#upToDate) {
        this.#upToDate = true;
        this.events.read(await this.storage().outbox());
      }
    } catch (error) {
      this.events.failed(error);
    } finally {
      this.#reading = false;
    }
  }
}
