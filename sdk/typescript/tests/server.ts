/** A real server for tests: its own process, port and directory, ended with the test. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const START_MS_MAX = 20_000;

/** Where the binary is: `SKEIN_BIN`, or the debug build of this checkout. */
export function binary(): string {
  const path = resolve(process.env.SKEIN_BIN ?? join(import.meta.dirname, "../../../target/debug/skein"));
  if (!existsSync(path)) throw new Error(`there is no server at ${path}: run \`cargo build\`, or set SKEIN_BIN`);
  return path;
}

export class Server {
  #process: ChildProcess | undefined;
  address = "";

  private constructor(
    private readonly directory: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** `settings`: keys of the configuration, as the environment spells them: `SKEIN__SERVICE__ACCESS_TOKEN_S`. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "skein-sdk-")), settings);
    await server.spawn("127.0.0.1:0");
    return server;
  }

  /** Ends it without a goodbye. */
  async kill(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    const ended = new Promise((done) => process.once("exit", done));
    process.kill("SIGKILL");
    await ended;
    this.#process = undefined;
  }

  /** The same data at the same address again. */
  async restart(): Promise<void> {
    await this.kill();
    await this.spawn(new URL(this.address).host);
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async spawn(http: string): Promise<void> {
    const child = spawn(binary(), ["serve", "--listen", http, "--data-dir", join(this.directory, "data")], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.settings },
    });
    this.#process = child;
    const log: string[] = [];
    child.stderr?.on("data", (text) => log.push(String(text)));
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const timer = setTimeout(() => child.kill("SIGKILL"), START_MS_MAX);
    for await (const line of lines) {
      const address = /^SKEIN LISTENING http=(\S+)/.exec(line)?.[1];
      if (address === undefined) continue;
      clearTimeout(timer);
      this.address = address.startsWith("http") ? address : `http://${address}`;
      child.stdout?.resume();
      return;
    }
    throw new Error(`the server did not start:\n${log.join("")}`);
  }
}
