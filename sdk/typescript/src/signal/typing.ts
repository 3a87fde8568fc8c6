/** Who writes where just now: a sign is good for a while, and ends with the message. */

import { type Observable, Value } from "../observable.js";

/** A sign is good for so long. */
export const TYPING_GOOD_MS = 6_000;
/** Signs of one's own are sent this far apart. */
export const TYPING_APART_MS = 3_000;

const NOBODY: readonly string[] = [];

export class Typing {
  readonly #writers = new Map<string, Value<readonly string[]>>();
  readonly #ends = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #toldMs = new Map<string, number>();

  /** Who writes in this conversation, the latest last. */
  in(conversationId: string): Observable<readonly string[]> {
    return this.#value(conversationId);
  }

  /** Somebody shows that they write. */
  begin(conversationId: string, userId: string): void {
    const value = this.#value(conversationId);
    const others = value.current.filter((known) => known !== userId);
    if (value.current.at(-1) !== userId) value.set([...others, userId]);
    const key = `${conversationId} ${userId}`;
    clearTimeout(this.#ends.get(key));
    this.#ends.set(
      key,
      setTimeout(() => this.end(conversationId, userId), TYPING_GOOD_MS),
    );
  }

  /** Their message is there, or the sign is too old. */
  end(conversationId: string, userId: string): void {
    const key = `${conversationId} ${userId}`;
    clearTimeout(this.#ends.get(key));
    if (!this.#ends.delete(key)) return;
    const value = this.#value(conversationId);
    const left = value.current.filter((known) => known !== userId);
    value.set(left.length === 0 ? NOBODY : left);
  }

  /** Whether it is time to tell the others again. */
  mayTell(conversationId: string, nowMs: number): boolean {
    for (const [id, toldMs] of this.#toldMs) if (toldMs + TYPING_APART_MS <= nowMs) this.#toldMs.delete(id);
    if (this.#toldMs.has(conversationId)) return false;
    this.#toldMs.set(conversationId, nowMs);
    return true;
  }

  stop(): void {
    for (const timer of this.#ends.values()) clearTimeout(timer);
    this.#ends.clear();
  }

  #value(conversationId: string): Value<readonly string[]> {
    const known = this.#writers.get(conversationId);
    if (known !== undefined) return known;
    const value = new Value(NOBODY);
    this.#writers.set(conversationId, value);
    return value;
  }
}
