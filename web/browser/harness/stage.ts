/** The stage of a story: a server, a browser, and people with tabs. A test fails when their pages had troubles of any kind. */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { Account, PASSWORD } from "./api.ts";
import { Server } from "./server.ts";
import { logIn } from "./steps.ts";
import { type Trouble, Watch } from "./watch.ts";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Longest wait for something that the pages are to show. */
export const PATIENCE_MS = 15_000;

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });
}

/** Somebody with an account and a browser of their own. */
export class Person {
  constructor(
    readonly account: Account,
    readonly context: BrowserContext,
    readonly watch: Watch,
  ) {}

  /** One more tab. */
  async tab(path = "/"): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(this.account.address + path);
    return page;
  }

  /** A tab in which the person has logged in. */
  async arrive(): Promise<Page> {
    const page = await this.tab();
    await logIn(page, this.account.username, PASSWORD);
    return page;
  }
}

export class Stage {
  server!: Server;
  browser!: Browser;
  private readonly contexts: { context: BrowserContext; watch: Watch }[] = [];
  private count = 0;

  async open(settings: Readonly<Record<string, string>>): Promise<void> {
    [this.server, this.browser] = await Promise.all([Server.start(settings), launchBrowser()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.browser?.close(), this.server?.stop()]);
  }

  /** A user name that nobody has on this server yet. */
  username(base: string): string {
    this.count += 1;
    return `${
      base
        .toLowerCase()
        .replace(/[^a-z]/g, "")
        .slice(0, 16) || "user"
    }${this.count}`;
  }

  /** Somebody who is only there through the HTTP interface. */
  account(base: string, displayName = base): Promise<Account> {
    return Account.register(this.server.address, this.username(base), displayName);
  }

  async person(base: string, options: BrowserContextOptions & { account?: Account } = {}): Promise<Person> {
    const { account, ...rest } = options;
    const context = await this.context(rest);
    return new Person(account ?? (await this.account(base)), context.context, context.watch);
  }

  /** A browser profile of its own. */
  async context(options: BrowserContextOptions = {}): Promise<{ context: BrowserContext; watch: Watch }> {
    const context = await this.browser.newContext({
      locale: "en-US",
      viewport: { width: 1200, height: 800 },
      ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const made = { context, watch: await Watch.over(context, new URL(this.server.address).host) };
    this.contexts.push(made);
    return made;
  }

  /** The story takes the server away: what browsers say about that is no trouble. */
  allow(pattern: RegExp): void {
    for (const { watch } of this.contexts) watch.allow(pattern);
  }

  /** Ends a test: everybody goes home. Gives what went wrong in their pages. */
  async settle(failed: string | undefined): Promise<readonly Trouble[]> {
    const made = this.contexts.splice(0);
    if (failed !== undefined)
      await this.picture(
        made.map(({ context }) => context),
        failed,
      );
    await Promise.all(made.map(({ context }) => context.close()));
    return made.flatMap(({ watch }) => watch.unexpected);
  }

  /** What the pages looked like when a test failed. */
  private async picture(contexts: readonly BrowserContext[], name: string): Promise<void> {
    const folder = join(tmpdir(), "skein-browser-failed");
    mkdirSync(folder, { recursive: true });
    for (const [at, page] of contexts.flatMap((context) => context.pages()).entries()) {
      const path = join(folder, `${name.replace(/[^a-z0-9]+/gi, "-").slice(0, 60)}-${at}.png`);
      const done = await page.screenshot({ path, timeout: 5_000 }).catch(() => undefined);
      if (done !== undefined) process.stdout.write(`  picture of the failure: ${path}\n`);
    }
  }
}

/** Sets the stage for the stories of one file. */
export function setTheStage(settings: Readonly<Record<string, string>> = {}): Stage {
  const stage = new Stage();
  beforeAll(() => stage.open(settings));
  afterEach(async ({ task }) => {
    const troubles = await stage.settle(task.result?.state === "fail" ? task.name : undefined);
    if (troubles.length > 0) {
      const list = troubles.slice(0, 20).map(({ kind, text }) => `${kind}: ${text}`);
      throw new Error(
        `${troubles.length} troubles in the pages:\n${list.join("\n")}\nServer: ${stage.server.words.slice(-2_000)}`,
      );
    }
  });
  afterAll(() => stage.close());
  return stage;
}
