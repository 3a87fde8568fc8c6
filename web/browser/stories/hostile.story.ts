/** Whatever people put into names, messages, links, drafts and remarks stays text on every page that shows it. */

import type { Locator, Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { type Account, eachOf } from "../harness/api.ts";
import { asName, bare, huge, KINDS, payloads, sendAll } from "../harness/corpus.ts";
import { harvest } from "../harness/harvest.ts";
import { type Person, setTheStage } from "../harness/stage.ts";
import {
  composer,
  conversations,
  eventually,
  log,
  messageMenu,
  online,
  openChat,
  openInfo,
  openSettings,
  row,
  say,
  sees,
} from "../harness/steps.ts";

const stage = setTheStage();
/** Tall: much is on the screen at once. */
const WINDOW = { viewport: { width: 1400, height: 2_000 } };

let vera: Account;
let mallory: Account;
let texts: ReadonlyMap<string, string>;
/** Everybody whose display name, biography and picture are hostile. */
let crowd: Account[];
/** Groups whose names and drafts are hostile: the conversation id, and the payload. */
let groups: { id: string; payload: string }[];

beforeAll(async () => {
  vera = await stage.account("Vera");
  mallory = await stage.account("mallory", "<img src=x onerror=window.__xss=1>");
  texts = await sendAll(mallory, vera);
  const named = payloads.flatMap((payload) => asName(payload) ?? []);
  crowd = await eachOf(named, async (name) => {
    const account = await stage.account("evil", name);
    await account.call("AccountService/UpdateProfile", { bio: name, avatar: name });
    return account;
  });
  const named2 = payloads.filter((payload) => asName(payload) !== undefined);
  groups = await eachOf(named2, async (payload) => {
    const id = await mallory.createGroup(asName(payload) ?? "", [vera]);
    await mallory.send({ conversationId: id }, payload);
    await vera.call("ConversationService/UpdateConversation", { conversationId: id, draft: payload });
    return { id, payload };
  });
}, 120_000);

const person = (): Promise<Person> => stage.person("Vera", { ...WINDOW, account: vera });

/** Shows all rows of a long list, one screen after the other; gives how many screens there were. */
async function scrollThrough(list: Locator): Promise<number> {
  return await list.first().evaluate(async (element) => {
    const scrolls = (one: Element) =>
      /auto|scroll/.test(getComputedStyle(one).overflowY) && one.scrollHeight > one.clientHeight;
    const around: Element[] = [element, ...element.querySelectorAll("*")];
    for (let up = element.parentElement; up !== null; up = up.parentElement) around.push(up);
    const scroller = around.find(scrolls);
    if (scroller === undefined) return 1;
    let screens = 1;
    for (let last = -1; scroller.scrollTop !== last; screens += 1) {
      last = scroller.scrollTop;
      scroller.scrollTop += scroller.clientHeight * 0.8;
      for (let frames = 0; frames < 3; frames += 1) await new Promise(requestAnimationFrame);
    }
    return screens;
  });
}

/** Opens one group after the other and waits until its pane shows its draft; gives those that never did. */
function openAll(page: Page, wanted: readonly { id: string; payload: string }[]): Promise<string[]> {
  return page.evaluate(async (groups) => {
    const bare = (text: string) => text.replace(/\s+/gu, "");
    const missing: string[] = [];
    for (const { id, payload } of groups) {
      location.hash = `#/c/${id}`;
      const shown = () =>
        bare(document.querySelector<HTMLTextAreaElement>("main textarea")?.value ?? "") === bare(payload);
      for (let frames = 0; !shown() && frames < 300; frames += 1) await new Promise(requestAnimationFrame);
      if (!shown()) missing.push(payload);
    }
    return missing;
  }, wanted);
}

/** Nothing that was stored has changed what all objects inherit. */
async function unpolluted(page: Page): Promise<void> {
  expect(await page.evaluate(() => Object.keys(Object.prototype).length + ("polluted" in {} ? 1 : 0))).toBe(0);
}

test(`${payloads.length} payloads, each in every kind of message`, { timeout: 120_000 }, async () => {
  expect(new Set(payloads).size).toBeGreaterThanOrEqual(200);
  const page = await (await person()).arrive();
  await online(page, 30_000);
  await page.goto(`${stage.server.address}/#/c/${await vera.directWith(mallory)}`);
  await log(page).getByRole("article").first().waitFor();
  const { rows, disorder } = await harvest(page);
  const seqs = new Set(rows.map(({ seq }) => Number(seq)));
  const all = Array.from({ length: payloads.length * KINDS + 1 }, (_, nth) => nth + 1);
  expect(all.filter((seq) => !seqs.has(seq))).toEqual([]);
  expect(disorder).toEqual([]);
  const shown = new Map(rows.map((one) => [one.seq, bare(one.text)]));
  const missing = [...texts].filter(([seq, payload]) => !shown.get(seq)?.includes(bare(payload)));
  expect(missing.map(([, payload]) => payload)).toEqual([]);
  await unpolluted(page);
});

test("names of groups, drafts and remarks: the list, the header, the composer, the forward dialog", {
  timeout: 120_000,
}, async () => {
  const page = await (await person()).arrive();
  await online(page, 30_000);
  expect(await scrollThrough(conversations(page).getByRole("list"))).toBeGreaterThan(1);
  expect(await openAll(page, groups)).toEqual([]);
  await eachOf(groups, ({ id, payload }) =>
    vera.call("ConversationService/UpdateConversation", { conversationId: id, remark: payload }),
  );
  await scrollThrough(conversations(page).getByRole("list"));
  await page.reload();
  await online(page, 30_000);
  await scrollThrough(conversations(page).getByRole("list"));
  await messageMenu(page, /./, "Forward");
  const dialog = page.getByRole("dialog", { name: "Forward to" });
  await dialog.waitFor();
  await scrollThrough(dialog.getByRole("list"));
  await page.keyboard.press("Escape");
  await unpolluted(page);
});

test("names of people: members, readers, system lines, blocked people, devices, the own profile", {
  timeout: 120_000,
}, async () => {
  const ids: string[] = [];
  for (let from = 0; from < crowd.length; from += 200) {
    const members = crowd.slice(from, from + 200);
    const id = await vera.createGroup(`Crowd ${ids.length + 1}`, members);
    const sent = await vera.send({ conversationId: id }, "who is there?");
    await eachOf(members, (member) => member.markRead(id, Number(sent.seq)));
    await eachOf(members.slice(0, 40), (member) => member.send({ conversationId: id }, "me"));
    ids.push(id);
  }
  const page = await (await person()).arrive();
  await online(page, 30_000);
  for (const [at] of ids.entries()) {
    await openChat(page, `Crowd ${at + 1}`);
    const info = await openInfo(page);
    await info.getByRole("list", { name: "Members" }).waitFor();
    await scrollThrough(info.getByRole("list", { name: "Members" }));
    await messageMenu(page, "who is there?", "Who has read");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("listitem").first().waitFor();
    await scrollThrough(dialog);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await harvest(page);
  }
  // Everybody is offered; Enter takes the first of them.
  await composer(page).fill("@");
  await page.getByRole("listbox", { name: "People" }).getByRole("option").first().waitFor();
  await composer(page).press("Enter");
  await composer(page).press("Enter");
  await sees(page, "@");

  await eachOf(crowd, (one) => vera.call("AccountService/SetBlocked", { userId: one.userId, blocked: true }));
  for (const [at, payload] of payloads.entries()) if (at % 10 === 0) await vera.logInElsewhere(asName(payload) ?? "x");
  await openSettings(page, "Blocked people");
  await eventually(() => page.getByRole("button", { name: /^Unblock/ }).count()).toBeGreaterThan(10);
  await scrollThrough(page.getByRole("list").last());
  await openSettings(page, "Devices");
  await page.getByRole("list", { name: "Devices" }).waitFor();
  await scrollThrough(page.getByRole("list", { name: "Devices" }));
  await openSettings(page, "Profile");
  for (const payload of payloads) {
    const name = asName(payload);
    if (name !== undefined)
      await vera.call("AccountService/UpdateProfile", { displayName: name, bio: payload, avatar: payload });
  }
  await page.reload();
  await openSettings(page, "Profile");
  await page.getByRole("textbox", { name: "Display name" }).waitFor();
  await unpolluted(page);
});

test("texts as large as the server takes do not stop the page", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.account("Bob")]);
  for (const text of huge) {
    await bob.send(ann.account, text);
    await bob.send(ann.account, { markdown: { text } });
  }
  const last = await bob.send(ann.account, "that was all");
  await ann.account.markRead(last.conversationId, Number(last.seq));
  const page = await ann.arrive();
  await online(page);
  const since = performance.now();
  await openChat(page, "Bob");
  await sees(page, "that was all");
  expect(performance.now() - since).toBeLessThan(5_000);
  await eventually(async () => (await harvest(page)).rows.length, 30_000).toBe(huge.length * 2 + 1);
  await page.keyboard.press("End");
  await say(page, "still here");
  await sees(page, "still here");
});

test("what people type themselves: search, names of groups, messages", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann", WINDOW), stage.account("Bob")]);
  await bob.send(ann.account, "type something");
  const page = await ann.arrive();
  await openChat(page, "Bob");
  await sees(page, "type something");
  const own = payloads.filter(
    (payload, at) => at % 9 === 0 && !/[\n\r\t\u2028]/.test(payload) && payload.trim() !== "",
  );
  for (const payload of own) {
    await say(page, payload);
    await eventually(() => composer(page).inputValue()).toBe("");
  }
  const direct = await bob.directWith(ann.account);
  await eventually(async () => (await bob.history(direct)).length).toBe(own.length + 1);
  const search = page
    .getByRole("searchbox")
    .or(page.getByRole("textbox", { name: "Search" }))
    .first();
  for (const payload of own) await search.fill(payload);
  await search.fill("");
  await row(page, "Bob").waitFor();
});
