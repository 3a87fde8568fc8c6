/** A server process with private data: started on a free port, killed and started again on the same one, gone at the end. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "../../..");
const BINARY = resolve(ROOT, "web", process.env.SKEIN_BIN ?? "../target/debug/skein");
const START_MS = 20_000;
const STOP_MS = 10_000;

/** Settings that keep the tests quick; none of them is what is tested. */
const ENVIRONMENT = { SKEIN__SERVICE__PASSWORD_MEMORY_KIB: "64", SKEIN_LOG: "warn" };

let watchdog: ChildProcess | undefined;

function tellWatchdog(line: string): void {
  watchdog ??= spawn(process.execPath, [join(import.meta.dirname, "watchdog.mjs")], {
    stdio: ["pipe", "ignore", "inherit"],
    detached: true,
  });
  watchdog.unref();
  watchdog.stdin?.write(`${line}\n`);
}

export class Server {
  /** `http://127.0.0.1:<port>`, the same after a restart. */
  address = "";
  private readonly folder = mkdtempSync(join(tmpdir(), "skein-browser-"));
  private process: ChildProcess | undefined;
  private readonly log: string[] = [];

  private constructor(private readonly settings: Readonly<Record<string, string>>) {
    tellWatchdog(`folder ${this.folder}`);
  }

  /** `settings`: configuration keys as environment variables, e.g. `SKEIN__SERVICE__REGISTRATION`. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
    if (!existsSync(BINARY)) {
      throw new Error(`There is no server at ${BINARY}: run \`cargo build\`, or set SKEIN_BIN to one.`);
    }
    const server = new Server(settings);
    await server.launch("127.0.0.1:0");
    const page = await fetch(server.address, { headers: { accept: "text/html" } });
    if (!page.ok) throw new Error("The server has no web app in it: run `npm run build`, then `cargo build`.");
    return server;
  }

  get running(): boolean {
    return this.process !== undefined;
  }

  /** The process is gone at once, as in a power cut. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Comes back where it was, with the data it had. */
  async restart(): Promise<void> {
    if (this.running) await this.kill();
    await this.launch(this.address.slice("http://".length));
  }

  async stop(): Promise<void> {
    await this.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The value of one line of `/metrics`, named with its labels; 0 when there is none. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.address}/metrics`)).text();
    const line = text.split("\n").find((line) => line.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? 0);
  }

  /** What it wrote to stderr, for a failing test. */
  get words(): string {
    return this.log.join("\n");
  }

  private async launch(listen: string): Promise<void> {
    const child = spawn(BINARY, ["serve", "--data-dir", join(this.folder, "data"), "--listen", listen], {
      cwd: this.folder,
      env: { ...process.env, ...ENVIRONMENT, ...this.settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process = child;
    if (child.pid !== undefined) tellWatchdog(`started ${child.pid}`);
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(line));
    const address = await new Promise<string>((found, failed) => {
      const late = setTimeout(() => failed(new Error(`The server did not start in time.\n${this.words}`)), START_MS);
      child.once("error", failed);
      child.once("exit", (code) => failed(new Error(`The server ended with ${code} at its start.\n${this.words}`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const address = /^SKEIN LISTENING .*\bhttp=(\S+)/.exec(line)?.[1];
        if (address === undefined) return;
        clearTimeout(late);
        found(address);
      });
    });
    this.address = `http://${address}`;
  }

  private async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.process;
    if (child === undefined) return;
    this.process = undefined;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await gone;
      clearTimeout(late);
    }
    tellWatchdog(`ended ${child.pid}`);
  }
}
