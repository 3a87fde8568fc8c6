/** Two tabs of one person are one: one connection, the same messages, reads and drafts, and either can go. */

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { setTheStage } from "../harness/stage.ts";
import {
  bubble,
  composer,
  eventually,
  online,
  openChat,
  row,
  say,
  sees,
  statusOf,
  unreadOf,
} from "../harness/steps.ts";

const stage = setTheStage();

const connections = () => stage.server.metric('skein_connections{transport="websocket"}');

test("two tabs agree, and one takes over from the other", async () => {
  const [ann, bob, cleo] = await Promise.all([stage.person("Ann"), stage.account("Bob"), stage.account("Cleo")]);
  await bob.send(ann.account, "hello from Bob");
  await cleo.send(ann.account, "hello from Cleo");
  const opened: Page[] = [];
  ann.context.on("page", (page) => page.on("websocket", () => opened.push(page)));
  const first = await ann.arrive();
  await online(first);
  const second = await ann.tab();
  await Promise.all([online(second), row(second, "Bob").waitFor()]);
  await eventually(connections).toBe(1);

  // What one sends shows in the other.
  await Promise.all([openChat(first, "Bob"), openChat(second, "Bob")]);
  await say(first, "from the first tab");
  await say(second, "from the second tab");
  for (const page of [first, second]) {
    for (const text of ["from the first tab", "from the second tab"]) {
      await sees(page, text);
      await eventually(() => statusOf(page, text)).toBe("sent");
      expect(await bubble(page, text).count()).toBe(1);
    }
  }

  // Read in one is read in the other.
  await eventually(() => unreadOf(first, "Cleo")).toBe(1);
  await openChat(second, "Cleo");
  await eventually(() => unreadOf(first, "Cleo")).toBe(0);

  // So is a draft.
  await composer(second).fill("not finished");
  await openChat(second, "Bob");
  await eventually(async () => await row(first, "Cleo").textContent()).toContain("not finished");
  await openChat(first, "Cleo");
  await eventually(() => composer(first).inputValue()).toBe("not finished");
  expect(await connections()).toBe(1);

  // The tab with the connection goes.
  const holder = opened.at(-1);
  expect(holder).toBeDefined();
  const rest = holder === first ? second : first;
  await holder?.close();
  const since = Date.now();
  await bob.send(ann.account, "are you still there?");
  await openChat(rest, "Bob");
  await sees(rest, "are you still there?");
  await online(rest);
  process.stdout.write(`  the other tab took over within ${Date.now() - since} ms\n`);
  expect(Date.now() - since).toBeLessThan(5_000);
  await say(rest, "yes, in the other tab");
  await eventually(() => statusOf(rest, "yes, in the other tab")).not.toBe("sending");
  await eventually(connections).toBe(1);
});
