/** Which address of the server is used: the one that worked, those that the server named, those that the application named. The Rust SDK has the same rules. */

/** An address that failed is tried after all others for this long. */
const FAILED_MS = 10_000;
/** One that sent us away, for this long. */
const LEFT_MS = 60_000;
/** Addresses that a server may name. */
const OFFERED_MAX = 16;

export class Gateways {
  readonly #home: readonly string[];
  #offered: readonly string[] = [];
  #last: readonly string[] = [];
  #winner: string | undefined;
  #current: string;
  readonly #shunned = new Map<string, number>();

  /** `home`: what the application named, at least one; never forgotten. */
  constructor(home: readonly [string, ...string[]]) {
    this.#home = home.map(origin);
    this.#current = origin(home[0]);
  }

  /** Where everything goes now: an origin without a path. */
  get current(): string {
    return this.#current;
  }

  /** All addresses, each once, in the order in which they are to be tried. */
  order(nowMs: number): readonly string[] {
    const winner = this.#winner === undefined ? [] : [this.#winner];
    const all = new Set([...winner, ...this.#offered, ...this.#home, ...this.#last]);
    const until = (address: string) => {
      const shunned = this.#shunned.get(address) ?? 0;
      return shunned > nowMs ? shunned : 0;
    };
    return [...all].sort((one, other) => until(one) - until(other));
  }

  /** Whether one of them is known to work. */
  get known(): boolean {
    return this.#winner !== undefined;
  }

  /** One that worked in an earlier life: it is tried first. */
  remember(address: string): void {
    const [usable] = this.#usable(address);
    if (usable === undefined) return;
    this.#winner = usable;
    this.#current = usable;
  }

  /** Where to connect, by somebody who was asked; and where at the very last. */
  resolved(named: readonly string[], last: readonly string[]): void {
    this.#offered = named.flatMap((address) => this.#usable(address)).slice(0, OFFERED_MAX);
    this.#last = last.flatMap((address) => this.#usable(address)).slice(0, OFFERED_MAX);
  }

  /** From now on this one. */
  use(address: string): void {
    this.#current = address;
  }

  /** A session was opened at the present one. */
  works(): void {
    this.#shunned.delete(this.#current);
    this.#winner = this.#current;
  }

  /** The present one could not be reached, or refused: the next one is. */
  failed(nowMs: number): void {
    if (this.#winner === this.#current) this.#winner = undefined;
    this.#shun(nowMs, FAILED_MS);
  }

  /** The present one sends us away, to one of these. */
  leave(named: readonly string[], nowMs: number): void {
    const usable = named.flatMap((address) => this.#usable(address)).slice(0, OFFERED_MAX);
    if (usable.length > 0) this.#offered = usable;
    this.#winner = undefined;
    this.#shun(nowMs, LEFT_MS);
  }

  /** A request for the first address, for the present one. */
  moved(url: string): string {
    const home = this.#home[0] ?? "";
    return url.startsWith(`${home}/`) ? this.#current + url.slice(home.length) : url;
  }

  #shun(nowMs: number, forMs: number): void {
    for (const [address, until] of this.#shunned) if (until <= nowMs) this.#shunned.delete(address);
    this.#shunned.set(this.#current, nowMs + forMs);
    this.#current = this.order(nowMs)[0] ?? this.#current;
  }

  /** What a server named, if it can be used here: never without encryption where the application chose it. */
  #usable(address: string): readonly string[] {
    if (!URL.canParse(address)) return [];
    const { protocol } = new URL(address);
    return this.#home.some((home) => new URL(home).protocol === protocol) ? [origin(address)] : [];
  }
}

function origin(address: string): string {
  return new URL(address).origin;
}
