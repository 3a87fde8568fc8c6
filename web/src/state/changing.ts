/** An observable value of the app's own. */

import type { Observable } from "@skein/client";

export interface Changing<T> extends Observable<T> {
  set(next: T): void;
}

export function changing<T>(initial: T): Changing<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get current() {
      return value;
    },
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
