/** Finding the server: asks where to connect, and takes the first of the addresses that answers. Without an answer everything goes on with what is known. */

import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type ResolveGatewaysResponse, ResolveGatewaysResponseSchema } from "../gen/skein/v1/dispatch_pb.js";
import type { Gateways } from "./gateways.js";
import type { Fetch } from "./http.js";

/** The next one is asked when the ones before have not answered after this. */
export const STAGGER_MS = 250;
/** How long one may take. */
const ANSWER_MS = 4_000;
/** Of many addresses only the first are raced. */
const RACED_MAX = 3;
/** What is remembered is not believed for longer. */
const REMEMBERED_MS = 24 * 3_600_000;

export interface ChooserOptions {
  readonly gateways: Gateways;
  /** Addresses that can be asked where to connect. */
  readonly dispatch: readonly string[];
  readonly region?: string;
  readonly carrier?: string;
  readonly fetch: Fetch;
  /** Keeps the address that worked, for the next start. */
  readonly memory?: Pick<Storage, "getItem" | "setItem">;
  readonly name: string;
}

export class Chooser {
  #validUntilMs = 0;
  readonly #key: string;

  constructor(private readonly options: ChooserOptions) {
    this.#key = `skein.gateway.${options.name}`;
    const remembered = this.#recall();
    if (remembered !== undefined) options.gateways.remember(remembered);
  }

  /** Before a connection is made. `failed`: the last one was not. Never throws. */
  async prepare(failed: boolean): Promise<void> {
    const { gateways, dispatch } = this.options;
    const now = Date.now();
    if (dispatch.length > 0 && now >= this.#validUntilMs && (failed || !gateways.known)) await this.#resolve(now);
    const [first, ...others] = gateways.order(Date.now()).slice(0, RACED_MAX);
    if (first === undefined || others.length === 0 || (gateways.known && !failed)) return;
    const fastest = await race([first, ...others], (address, signal) => this.#answers(address, signal));
    if (fastest !== undefined) gateways.use(fastest);
  }

  /** The present address works. */
  works(): void {
    const { gateways, memory } = this.options;
    try {
      memory?.setItem(this.#key, JSON.stringify({ address: gateways.current, timeMs: Date.now() }));
    } catch {
      // A full or forbidden storage: the next start asks again.
    }
  }

  #recall(): string | undefined {
    try {
      const text = this.options.memory?.getItem(this.#key);
      const { address, timeMs } = JSON.parse(text ?? "{}") as { address?: unknown; timeMs?: unknown };
      const fresh = typeof timeMs === "number" && Math.abs(Date.now() - timeMs) < REMEMBERED_MS;
      return fresh && typeof address === "string" ? address : undefined;
    } catch {
      return undefined;
    }
  }

  async #resolve(now: number): Promise<void> {
    const answer = await race(this.options.dispatch, (address, signal) => this.#ask(address, signal));
    if (answer === undefined) return;
    this.#validUntilMs = now + answer.validityS * 1_000;
    this.options.gateways.resolved(
      answer.gateways.map(({ address }) => address),
      answer.fallback,
    );
  }

  async #ask(address: string, signal: AbortSignal): Promise<ResolveGatewaysResponse | undefined> {
    const url = new URL("/v1/gateways", address);
    const { region, carrier } = this.options;
    if (region !== undefined) url.searchParams.set("region", region);
    if (carrier !== undefined) url.searchParams.set("carrier", carrier);
    const response = await this.options.fetch(url, { cache: "no-store", signal });
    if (!response.ok) return undefined;
    return fromJson(ResolveGatewaysResponseSchema, (await response.json()) as JsonValue, { ignoreUnknownFields: true });
  }

  async #answers(address: string, signal: AbortSignal): Promise<string | undefined> {
    const { ok } = await this.options.fetch(new URL("/readyz", address), { cache: "no-store", signal });
    return ok ? address : undefined;
  }
}

/** The first result that is one. Each begins a moment after the one before, or as soon as that has failed. */
export async function race<T>(
  addresses: readonly string[],
  run: (address: string, signal: AbortSignal) => Promise<T | undefined>,
): Promise<T | undefined> {
  const abort = new AbortController();
  let found: T | undefined;
  const running: Promise<void>[] = [];
  const enough = new Promise<void>((resolve) => abort.signal.addEventListener("abort", () => resolve()));
  for (const address of addresses) {
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(ANSWER_MS)]);
    const one = run(address, signal).then(
      (result) => {
        if (result === undefined || abort.signal.aborted) return;
        found = result;
        abort.abort();
      },
      () => {},
    );
    running.push(one);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const pause = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STAGGER_MS);
    });
    // One that failed leaves the others alone to be waited for.
    await Promise.race([enough, one, pause]);
    clearTimeout(timer);
    if (abort.signal.aborted) return found;
  }
  await Promise.race([enough, Promise.all(running)]);
  abort.abort();
  return found;
}
