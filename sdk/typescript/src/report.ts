/** Errors of an application's own listeners: told to the runtime, and kept away from what called them. */

/** Reports it like an uncaught error, without ending what is under way. */
export function report(thrown: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(thrown);
  else {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

/** Calls each; one that throws does not keep the others from being called. */
export function callAll<T extends unknown[]>(listeners: Iterable<(...args: T) => void>, ...args: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(...args);
    } catch (thrown) {
      report(thrown);
    }
  }
}
