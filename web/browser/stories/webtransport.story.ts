/** A browser over QUIC: it comes by WebSocket first, learns that it may, and comes by WebTransport from then on; nothing depends on it. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { setTheStage } from "../harness/stage.ts";
import { eventually, online, openChat, say, sees, statusOf } from "../harness/steps.ts";
import { SERVER_AWAY } from "../harness/watch.ts";

const stage = setTheStage({
  // The port of HTTP, so that pages may connect to it as to their own origin.
  SKEIN__ACCESS__QUIC_LISTEN: "127.0.0.1:0",
  SKEIN__ACCESS__WEB_TRANSPORT: "true",
  SKEIN__ACCESS__QUIC_TLS: '{ mode = "self_signed", dir = "quic" }',
});

const links = (transport: string) => stage.server.metric(`skein_connections{transport="${transport}"}`);

/** The certificate that the page was told of; undefined before. */
const offer = (page: Page): Promise<string | undefined> =>
  page.evaluate(() => {
    const key = Object.keys(localStorage).find((key) => key.startsWith("skein.webtransport."));
    const kept = JSON.parse((key && localStorage.getItem(key)) || "null") as { hashes?: string[] } | null;
    return kept?.hashes?.[0];
  });

test("two pages talk over WebTransport, and come back when the server has another certificate", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  stage.allow(SERVER_AWAY);
  stage.allow(/ERR_QUIC_|CERTIFICATE|WebTransport/);
  await ann.account.send(bob.account, "hello");
  const pages = await Promise.all([ann.arrive(), bob.arrive()]);
  const [annPage, bobPage] = pages;
  await Promise.all(pages.map((page) => online(page)));
  expect(await links("websocket")).toBe(2);
  for (const page of pages) await eventually(() => offer(page)).toBeDefined();

  await Promise.all(pages.map((page) => page.reload()));
  await Promise.all(pages.map((page) => online(page)));
  await eventually(() => links("webtransport")).toBe(2);
  await eventually(() => links("websocket")).toBe(0);
  await Promise.all([openChat(annPage, "Bob"), openChat(bobPage, "Ann")]);
  for (const text of ["one", "two", "three"]) {
    await say(annPage, `ann ${text}`);
    await sees(bobPage, `ann ${text}`);
    await say(bobPage, `bob ${text}`);
    await sees(annPage, `bob ${text}`);
  }
  await eventually(() => statusOf(annPage, "ann three")).toBe("read");
  expect(await stage.server.metric('skein_connections_total{transport="webtransport"}')).toBe(2);

  // Whoever starts anew has a new certificate: the pages come by WebSocket, and learn of it.
  const former = await offer(annPage);
  await stage.server.kill();
  await stage.server.restart();
  await Promise.all(pages.map((page) => online(page, 30_000)));
  await say(annPage, "after it");
  await sees(bobPage, "after it");
  for (const page of pages) await eventually(async () => (await offer(page)) !== former, 30_000).toBe(true);
  await Promise.all(pages.map((page) => page.reload()));
  await Promise.all(pages.map((page) => online(page)));
  await eventually(() => links("webtransport")).toBe(2);
});

test("a page of another origin gets no session", async () => {
  const { context, watch } = await stage.context();
  watch.allow(/./);
  const [own, other] = await Promise.all([context.newPage(), context.newPage()]);
  await own.goto(`${stage.server.address}/healthz`);
  await other.goto(`${stage.server.address.replace("127.0.0.1", "localhost")}/healthz`);
  const open = (page: Page, path: string) =>
    page.evaluate(async (path) => {
      const answer = (await (await fetch("/v1/gateways")).json()) as {
        webTransport: { port: number; certificateHashes: string[] };
      };
      const { port, certificateHashes } = answer.webTransport;
      const value = Uint8Array.from(atob(certificateHashes[0] ?? ""), (character) => character.charCodeAt(0));
      const serverCertificateHashes = [{ algorithm: "sha-256", value }];
      const session = new WebTransport(`https://127.0.0.1:${port}${path}`, { serverCertificateHashes });
      session.closed.catch(() => undefined);
      return session.ready.then(
        () => "opened",
        () => "refused",
      );
    }, path);
  expect(await open(own, "/v1/webtransport")).toBe("opened");
  expect(await open(own, "/v1/nothing")).toBe("refused");
  expect(await open(other, "/v1/webtransport")).toBe("refused");
  expect(await stage.server.metric('skein_refused_total{reason="origin"}')).toBe(1);
});
