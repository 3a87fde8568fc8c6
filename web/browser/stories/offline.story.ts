/** Without a network: what is written stays, survives a reload, and arrives once and in order. */

import type { BrowserContext, Page, WebSocketRoute } from "playwright-core";
import { expect, test } from "vitest";
import { harvestTexts } from "../harness/harvest.ts";
import { type Person, setTheStage } from "../harness/stage.ts";
import { bubble, connection, eventually, log, online, openChat, say, sees, statusOf } from "../harness/steps.ts";
import { SERVER_AWAY } from "../harness/watch.ts";

const stage = setTheStage();
const FIVE = [1, 2, 3, 4, 5].map((nth) => `written offline ${nth}`);
const MARK = /written offline \d/;

async function couple(): Promise<{ ann: Person; bob: Person }> {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  stage.allow(SERVER_AWAY);
  await bob.account.send(ann.account, "while you are still there");
  return { ann, bob };
}

async function writeFive(page: Page): Promise<void> {
  for (const text of FIVE) await say(page, text);
  await eventually(() => bubble(page, MARK).count()).toBe(5);
  expect(await statusOf(page, "written offline 5")).toBe("sending");
  expect(await connection(page)).not.toBe("Online");
}

/** The five are at the other's, once and in order, and the sender is told. */
async function arrived(ann: Person, bob: Person, annPage: Page, bobPage: Page): Promise<void> {
  await online(annPage, 30_000);
  await sees(bobPage, "written offline 5");
  const direct = await ann.account.directWith(bob.account);
  expect((await bob.account.texts(direct)).filter((text) => MARK.test(text))).toEqual(FIVE);
  for (const page of [annPage, bobPage]) await eventually(() => harvestTexts(page, MARK)).toEqual(FIVE);
  await eventually(() => statusOf(annPage, "written offline 5")).toBe("read");
}

test("the server is away", async () => {
  const { ann, bob } = await couple();
  const [annPage, bobPage] = await Promise.all([ann.arrive(), bob.arrive()]);
  await Promise.all([openChat(annPage, "Bob"), openChat(bobPage, "Ann")]);
  await sees(annPage, "while you are still there");
  await stage.server.kill();
  await eventually(() => connection(annPage)).toMatch(/^(Connecting…|No connection\. Trying again in \d+ s)$/);
  await writeFive(annPage);
  await stage.server.restart();
  await arrived(ann, bob, annPage, bobPage);
});

test("the browser says there is no network", async () => {
  const { ann, bob } = await couple();
  const [annPage, bobPage] = await Promise.all([ann.arrive(), bob.arrive()]);
  await Promise.all([openChat(annPage, "Bob"), openChat(bobPage, "Ann")]);
  await sees(annPage, "while you are still there");
  await ann.context.setOffline(true);
  await eventually(() => connection(annPage)).toBe("Offline. Messages are sent when you are back.");
  await writeFive(annPage);
  await bob.account.send(ann.account, "meanwhile");
  await ann.context.setOffline(false);
  await sees(annPage, "meanwhile");
  await arrived(ann, bob, annPage, bobPage);
});

/** A network that lets the page itself through and nothing else. */
class CutNetwork {
  cut = false;
  private readonly sockets = new Set<WebSocketRoute>();

  static async of(context: BrowserContext): Promise<CutNetwork> {
    const network = new CutNetwork();
    await context.route(/\/(skein\.v1\.|v1\/)/, (route) => (network.cut ? route.abort("failed") : route.fallback()));
    await context.routeWebSocket(/\/link$/, (socket) => {
      if (network.cut) return void socket.close({ code: 4100 });
      socket.connectToServer();
      network.sockets.add(socket);
    });
    return network;
  }

  async sever(): Promise<void> {
    this.cut = true;
    await Promise.all([...this.sockets].map((socket) => socket.close({ code: 4100 })));
    this.sockets.clear();
  }
}

test("the tab is reloaded without a connection", async () => {
  const { ann, bob } = await couple();
  const network = await CutNetwork.of(ann.context);
  const [annPage, bobPage] = await Promise.all([ann.arrive(), bob.arrive()]);
  await Promise.all([openChat(annPage, "Bob"), openChat(bobPage, "Ann")]);
  await sees(annPage, "while you are still there");
  await network.sever();
  await writeFive(annPage);
  for (let time = 0; time < 2; time += 1) {
    await annPage.reload();
    await sees(annPage, "while you are still there");
    await eventually(() => harvestTexts(annPage, MARK)).toEqual(FIVE);
    expect(await connection(annPage)).not.toBe("Online");
  }
  expect(await log(bobPage).getByText(MARK).count()).toBe(0);
  network.cut = false;
  await arrived(ann, bob, annPage, bobPage);
});
