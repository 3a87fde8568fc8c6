/** Values that can be watched. The shape fits React's `useSyncExternalStore(value.subscribe, () => value.current)`. */

import { callAll } from "./report.js";

/** A value that changes. `current` is the same object until the next change. */
export interface Observable<T> {
  readonly current: T;
  /** Calls the listener after each change. Returns the unsubscribe. Needs no `this`. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** An observable that its owner sets. */
export class Value<T> implements Observable<T> {
  #current: T;
  readonly #listeners = new Set<() => void>();

  constructor(initial: T) {
    this.#current = initial;
  }

  get current(): T {
    return this.#current;
  }

  /** Tells the listeners, unless it is the same value. */
  set(next: T): void {
    if (Object.is(next, this.#current)) return;
    this.#current = next;
    callAll(this.#listeners);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };
}
