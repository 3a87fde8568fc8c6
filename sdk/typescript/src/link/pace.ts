/**
 * How seldom a client may say something: the interval grows by steps while silence is survived, and shrinks when a link dies in it. Networks differ in how
 * long they remember a silent connection; nobody says it. The Rust SDK has the same rules.
 */

/** The interval of each step, as a multiple of what the server asks for by itself. */
const STEPS = [1, 1.5, 2, 3, 4, 6, 8, 10] as const;
/** A silence of the present length has to be survived so often in a row before a longer one is tried. */
const HELD_MIN = 3;

export class Pace {
  #step = 0;
  /** No step beyond this one: a longer silence killed a link, or the server does not allow it. */
  #limit: number = STEPS.length - 1;
  #held = 0;

  /** What to ask the server for; 0: what it likes. `baseMs` is what it asks for by itself. */
  wishMs(baseMs: number): number {
    return this.#step === 0 ? 0 : Math.floor(baseMs * (STEPS[this.#step] ?? 1));
  }

  /** A silence of a whole interval was survived. True: a longer one is to be asked for. */
  held(): boolean {
    this.#held += 1;
    if (this.#held < HELD_MIN || this.#step >= this.#limit) return false;
    this.#step += 1;
    this.#held = 0;
    return true;
  }

  /** The link died in silence, or the server allows less: shorter from now on, and never again as long. */
  lost(): void {
    this.#limit = Math.max(0, this.#step - 1);
    this.#step = this.#limit;
    this.#held = 0;
  }
}
