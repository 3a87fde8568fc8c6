/** Typed events. */

import { callAll } from "./report.js";

/** Listeners by event name; `Events` maps a name to what the listener is given. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls the listener for each event of that name. Returns the unsubscribe. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** Tells the listeners, in the order in which they came. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    callAll((this.#listeners.get(name) ?? []) as Iterable<(event: Events[Name]) => void>, event);
  }
}
