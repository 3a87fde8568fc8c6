/** Everything that went wrong in the pages of one browser context, whatever the story was looking at. */
import type { BrowserContext, Page } from "playwright-core";
import { detector } from "./detector.ts";

export interface Trouble {
  readonly kind: string;
  readonly text: string;
}

/** What a browser says about requests whose server is away. */
export const SERVER_AWAY =
  /ERR_CONNECTION_(REFUSED|RESET)|ERR_EMPTY_RESPONSE|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_|WebSocket connection to|ERR_FAILED|ERR_INCOMPLETE_CHUNKED/;

export class Watch {
  readonly troubles: Trouble[] = [];
  private readonly allowed: RegExp[] = [];

  private constructor(private readonly host: string) {}

  /** Before the context has its first page. `host`: the only one that its pages may talk to. */
  static async over(context: BrowserContext, host: string): Promise<Watch> {
    const watch = new Watch(host);
    await context.exposeBinding("__tell", (_source, kind: string, text: string) => watch.see(kind, text));
    await context.addInitScript(detector);
    context.on("page", (page) => watch.follow(page));
    context.on("request", (request) => watch.requested(request.url()));
    context.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "";
      // Ended by the page itself: it was closed, reloaded, or the app gave a stream up.
      if (reason !== "net::ERR_ABORTED") watch.see("request", `${request.method()} ${request.url()} ${reason}`);
    });
    return watch;
  }

  /** The story makes this happen on purpose. */
  allow(pattern: RegExp): void {
    this.allowed.push(pattern);
  }

  /** What was seen and not allowed. */
  get unexpected(): readonly Trouble[] {
    return this.troubles.filter(
      (trouble) => !this.allowed.some((pattern) => pattern.test(`${trouble.kind} ${trouble.text}`)),
    );
  }

  private see(kind: string, text: string): void {
    this.troubles.push({ kind, text });
  }

  private requested(address: string): void {
    const url = new URL(address);
    if (["data:", "blob:", "about:"].includes(url.protocol)) return;
    if (url.host !== this.host) this.see("foreign request", address);
  }

  private follow(page: Page): void {
    page.on("pageerror", (error) => this.see("page error", error.stack ?? error.message));
    page.on("console", (message) => {
      const from = message.location().url;
      if (message.type() === "error") this.see("console", `${message.text()} ${from}`);
    });
    page.on("dialog", (dialog) => {
      // Asked by the browser itself before a page with unsent text is left.
      if (dialog.type() !== "beforeunload") this.see("dialog", `${dialog.type()}: ${dialog.message()}`);
      void dialog.accept().catch(() => undefined);
    });
    page.on("crash", () => this.see("crash", page.url()));
    page.on("websocket", (socket) => {
      if (new URL(socket.url()).host !== this.host) this.see("foreign request", socket.url());
    });
  }
}
