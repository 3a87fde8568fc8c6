/** Web Locks within one process, and tabs made of them. */

import { type Channel, joinTabs, type Locks, type Tabs } from "../src/tabs.js";

interface Wait {
  readonly held: () => Promise<void>;
  readonly done: () => void;
  readonly fail: (reason: unknown) => void;
}

/** Exclusive locks by name, in the order of asking; they can be stolen. */
export class ProcessLocks implements Locks {
  readonly #holders = new Map<string, Wait>();
  readonly #queues = new Map<string, Wait[]>();

  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    held: () => Promise<void>,
  ): Promise<unknown> {
    return new Promise<void>((done, fail) => {
      const wait = { held, done, fail };
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      if (options.steal) {
        this.#holders.get(name)?.fail(new DOMException("stolen", "AbortError"));
        this.#holders.delete(name);
        queue.unshift(wait);
      } else queue.push(wait);
      options.signal?.addEventListener("abort", () => {
        const at = queue.indexOf(wait);
        if (at < 0) return;
        queue.splice(at, 1);
        fail(new DOMException("aborted", "AbortError"));
      });
      this.#next(name);
    });
  }

  #next(name: string): void {
    const next = this.#holders.has(name) ? undefined : this.#queues.get(name)?.shift();
    if (next === undefined) return;
    this.#holders.set(name, next);
    queueMicrotask(() =>
      next.held().then(() => {
        next.done();
        if (this.#holders.get(name) !== next) return;
        this.#holders.delete(name);
        this.#next(name);
      }),
    );
  }
}

/** What `ClientOptions.tabs` takes. */
export function tabsIn(locks: Locks): (name: string) => Tabs {
  return (name) => joinTabs(name, locks, new BroadcastChannel(name) as unknown as Channel);
}
