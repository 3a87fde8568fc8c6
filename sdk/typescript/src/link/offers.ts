/** Whether a server takes WebTransport, as it said itself: kept for the next connection, and put aside where it does not work. */

import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ResolveGatewaysResponseSchema } from "../gen/skein/v1/dispatch_pb.js";
import { base64, type Fetch } from "./http.js";

/** Path of sessions. */
const PATH = "/v1/webtransport";
/** A server is asked at most this often. */
const LOOK_MS = 5 * 60_000;
/** How long it may take to answer. */
const ANSWER_MS = 4_000;
/** Where it did not work it is not tried again for this long: a network that blocks UDP does so for a while. */
export const BLOCKED_MS = 10 * 60_000;
/** What was kept is not believed for longer. */
const KEPT_MS = 24 * 3_600_000;

/** Where a session is opened. */
export interface Offer {
  readonly url: string;
  /** SHA-256 of the certificates that are taken although no authority has signed them. */
  readonly hashes: readonly Uint8Array<ArrayBuffer>[];
}

interface Kept {
  readonly address: string;
  readonly port: number;
  /** In base64. */
  readonly hashes: readonly string[];
  readonly timeMs: number;
  readonly blockedUntilMs: number;
}

export interface OffersOptions {
  /** The server's present one. */
  readonly address: () => string;
  readonly fetch: Fetch;
  readonly memory?: Pick<Storage, "getItem" | "setItem">;
  readonly name: string;
}

export class Offers {
  #kept: Kept | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #lookedAt = "";
  readonly #key: string;

  constructor(private readonly options: OffersOptions) {
    this.#key = `skein.webtransport.${options.name}`;
    this.#kept = this.#recall();
  }

  /** That of the present address, if it is worth a try. */
  get current(): Offer | undefined {
    const [kept, now] = [this.#kept, Date.now()];
    const address = this.options.address();
    if (kept?.address !== address || kept.blockedUntilMs > now || Math.abs(now - kept.timeMs) > KEPT_MS)
      return undefined;
    const { hostname } = new URL(address);
    return { url: `https://${hostname}:${kept.port}${PATH}`, hashes: kept.hashes.map(bytesOf) };
  }

  /** Asks the server, unless it was asked just now. Never throws. */
  async look(): Promise<void> {
    const [address, now] = [this.options.address(), Date.now()];
    if (address === this.#lookedAt && now - this.#lookedMs < LOOK_MS) return;
    [this.#lookedAt, this.#lookedMs] = [address, now];
    try {
      const url = new URL("/v1/gateways", address);
      const response = await this.options.fetch(url, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
      if (!response.ok) return;
      const json = (await response.json()) as JsonValue;
      const { webTransport } = fromJson(ResolveGatewaysResponseSchema, json, { ignoreUnknownFields: true });
      if (webTransport === undefined) return this.#keep(undefined);
      const hashes = webTransport.certificateHashes.map(base64);
      // Another certificate or port than that which did not work: that was why.
      const former = this.#kept?.address === address ? this.#kept : undefined;
      const same = former?.port === webTransport.port && former.hashes.join() === hashes.join();
      const blockedUntilMs = same ? (former?.blockedUntilMs ?? 0) : 0;
      this.#keep({ address, port: webTransport.port, hashes, timeMs: now, blockedUntilMs });
    } catch {
      // The next connection asks again, later.
    }
  }

  /** The present one does not work here, or not in time. */
  failed(): void {
    if (this.#kept === undefined) return;
    this.#keep({ ...this.#kept, blockedUntilMs: Date.now() + BLOCKED_MS });
    // Perhaps it has another certificate by now.
    this.#lookedAt = "";
  }

  #keep(kept: Kept | undefined): void {
    this.#kept = kept;
    try {
      this.options.memory?.setItem(this.#key, JSON.stringify(kept ?? null));
    } catch {
      // A full or forbidden storage: it is looked up again.
    }
  }

  #recall(): Kept | undefined {
    try {
      const kept = JSON.parse(this.options.memory?.getItem(this.#key) ?? "null") as Partial<Kept> | null;
      const { address, port, hashes, timeMs, blockedUntilMs } = kept ?? {};
      const numbers = [port, timeMs, blockedUntilMs].every((value) => typeof value === "number");
      const texts = Array.isArray(hashes) && hashes.every((hash) => typeof hash === "string");
      return typeof address === "string" && numbers && texts ? (kept as Kept) : undefined;
    } catch {
      return undefined;
    }
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
