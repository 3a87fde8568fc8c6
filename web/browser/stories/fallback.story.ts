/** Networks that break WebSockets, and such that break streams too, or swallow UDP. */
import { createSocket } from "node:dgram";
import { expect, test } from "vitest";
import { setTheStage } from "../harness/stage.ts";
import { eventually, online, openChat, say, sees, statusOf } from "../harness/steps.ts";

const stage = setTheStage();

/** A WebSocket as behind a proxy that does not know them: it never opens. */
function breakWebSockets(): void {
  class Broken extends EventTarget {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSING = 2;
    static readonly CLOSED = 3;
    readonly CONNECTING = 0;
    readonly OPEN = 1;
    readonly CLOSING = 2;
    readonly CLOSED = 3;
    readyState = 0;
    bufferedAmount = 0;
    binaryType = "blob";
    protocol = "";
    onopen: ((event: Event) => void) | null = null;
    onmessage: ((event: Event) => void) | null = null;
    onerror: ((event: Event) => void) | null = null;
    onclose: ((event: Event) => void) | null = null;
    constructor(readonly url: string) {
      super();
      setTimeout(() => {
        this.readyState = 3;
        const [error, close] = [new Event("error"), new CloseEvent("close", { code: 1006 })];
        this.onerror?.(error);
        this.dispatchEvent(error);
        this.onclose?.(close);
        this.dispatchEvent(close);
      });
    }
    send(): void {
      throw new DOMException("not open", "InvalidStateError");
    }
    close(): void {
      this.readyState = 3;
    }
  }
  Object.defineProperty(window, "WebSocket", { value: Broken });
}

test.each([
  ["stream", "/v1/events"],
  ["poll", "/v1/poll"],
])("no WebSocket: works over %s", async (way, path) => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  await ann.context.addInitScript(breakWebSockets);
  if (way === "poll") await ann.context.route("**/v1/events*", (route) => route.abort("failed"));
  ann.watch.allow(/\/v1\/events|ERR_FAILED/);
  const used: string[] = [];
  ann.context.on("request", (request) => used.push(new URL(request.url()).pathname));

  await bob.account.send(ann.account, "can you hear me?");
  const [annPage, bobPage] = await Promise.all([ann.arrive(), bob.arrive()]);
  await online(annPage, 30_000);
  await Promise.all([openChat(annPage, "Bob"), openChat(bobPage, "Ann")]);
  await sees(annPage, "can you hear me?");
  await say(annPage, "I can");
  await sees(bobPage, "I can");
  for (const text of ["one", "two", "three"]) {
    await say(bobPage, `count ${text}`);
    await sees(annPage, `count ${text}`);
  }
  await eventually(() => statusOf(annPage, "I can")).toBe("read");
  await eventually(() => statusOf(bobPage, "count three")).toBe("read");
  expect(used).toContain(path);
});

test("no UDP: a server that says that it takes WebTransport is reached by WebSocket, soon", async () => {
  const ann = await stage.person("Ann");
  ann.watch.allow(/ERR_QUIC_|WebTransport/);
  const port = Number(new URL(stage.server.address).port);
  // Takes datagrams, and never answers.
  let swallowed = 0;
  const silence = createSocket("udp4", () => {
    swallowed += 1;
  });
  await new Promise<void>((bound) => silence.bind(port, "127.0.0.1", bound));
  await ann.context.route("**/v1/gateways", (route) =>
    route.fulfill({ json: { validityS: 300, webTransport: { port, certificateHashes: [btoa("h".repeat(32))] } } }),
  );
  const page = await ann.arrive();
  await online(page);
  const kept = () =>
    page.evaluate(() => {
      const key = Object.keys(localStorage).find((key) => key.startsWith("skein.webtransport."));
      const { blockedUntilMs = -1 } = JSON.parse((key && localStorage.getItem(key)) || "{}") as {
        blockedUntilMs?: number;
      };
      return blockedUntilMs;
    });
  await eventually(kept).toBe(0);
  await page.reload();
  await online(page);
  // It is remembered: the next time nothing is tried over UDP.
  expect(swallowed).toBeGreaterThan(0);
  expect(await kept()).toBeGreaterThan(Date.now());
  expect(await stage.server.metric('skein_connections{transport="websocket"}')).toBe(1);
  silence.close();
});
