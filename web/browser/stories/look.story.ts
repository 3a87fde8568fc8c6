/** Languages, light and dark, and a phone's width. */

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { en } from "../../src/text/en.ts";
import { zh } from "../../src/text/zh.ts";
import { PASSWORD } from "../harness/api.ts";
import { overflow } from "../harness/measure.ts";
import { setTheStage } from "../harness/stage.ts";
import {
  choose,
  composer,
  conversations,
  createGroup,
  eventually,
  messageMenu,
  openChat,
  openInfo,
  openSettings,
  row,
  say,
  sees,
} from "../harness/steps.ts";

const stage = setTheStage();

test("a Chinese browser gets Chinese, and the choice in the settings wins", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann", { locale: "zh-CN" }), stage.account("王小明")]);
  await bob.send(ann.account, "你好");
  const page = await ann.tab();
  const enter = page.getByRole("button", { name: zh.welcome.logIn, exact: true });
  const change = page.getByRole("button", { name: zh.welcome.haveAccount });
  await enter.or(change).first().waitFor();
  expect(await page.evaluate(() => document.documentElement.lang)).toMatch(/^zh/);
  if (!(await enter.isVisible())) await change.click();
  await page.getByRole("textbox", { name: zh.welcome.username }).fill(ann.account.username);
  await page.getByLabel(zh.welcome.password, { exact: true }).fill(PASSWORD);
  await enter.click();
  await page.getByRole("navigation", { name: zh.list.conversations }).waitFor();
  await page.getByRole("listitem").filter({ hasText: "王小明" }).getByRole("link").click();
  await page.getByRole("article").filter({ hasText: "你好" }).waitFor();

  const words = await page.evaluate(() => document.body.textContent ?? "");
  for (const left of ["Conversations", "Message", "Send", "Settings", "New chat"]) expect(words).not.toContain(left);
  await page.getByRole("button", { name: zh.list.settings, exact: true }).click();
  const look = { name: zh.settings.appearance, exact: true };
  await page.getByRole("tab", look).or(page.getByRole("link", look)).or(page.getByRole("button", look)).first().click();
  await choose(page, "English");
  await page
    .getByRole("heading", { name: en.settings.title })
    .or(page.getByText(en.settings.appearance))
    .first()
    .waitFor();
  await page.reload();
  await conversations(page).waitFor({ state: "attached" });
  expect(await page.evaluate(() => document.documentElement.lang)).toBe("en");
});

/** How bright the ground of the page is, 0 to 255. */
const brightness = (page: Page) =>
  page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d");
    if (canvas === null) return -1;
    const ground = [document.body, document.documentElement]
      .map((element) => getComputedStyle(element).backgroundColor)
      .find((color) => !/rgba\(.*, 0\)|transparent/.test(color));
    canvas.fillStyle = ground ?? "white";
    canvas.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return Math.round((red + green + blue) / 3);
  });

test("light and dark follow the system, until one is chosen", async () => {
  const ann = await stage.person("Ann", { colorScheme: "dark" });
  const page = await ann.arrive();
  expect(await brightness(page)).toBeLessThan(80);
  await page.emulateMedia({ colorScheme: "light" });
  await eventually(() => brightness(page)).toBeGreaterThan(180);
  await openSettings(page, "Appearance");
  await choose(page, "Dark");
  await eventually(() => brightness(page)).toBeLessThan(80);
  await page.reload();
  await conversations(page).waitFor({ state: "attached" });
  await eventually(() => brightness(page)).toBeLessThan(80);
  await openSettings(page, "Appearance");
  await choose(page, "Automatic");
  await eventually(() => brightness(page)).toBeGreaterThan(180);
});

test("360 pixels wide: everything fits, one pane at a time", async () => {
  const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };
  const [ann, bob] = await Promise.all([
    stage.person("Ann", phone),
    stage.account("Bob with a long name that does not end so soon"),
  ]);
  await bob.send(ann.account, `a long word: ${"x".repeat(300)}`);
  await bob.send(ann.account, {
    markdown: { text: `\`\`\`\n${"code ".repeat(60)}\n\`\`\`\n[link](https://example.org/${"y".repeat(200)})` },
  });
  const fits = async (page: Page) => expect(await overflow(page)).toEqual([]);

  const empty = await ann.tab();
  await empty.getByRole("textbox", { name: "User name" }).waitFor();
  await fits(empty);
  await empty.close();
  const page = await ann.arrive();
  await row(page, "Bob").waitFor();
  await fits(page);
  await openChat(page, "Bob");
  await sees(page, "a long word");
  expect(await conversations(page).isVisible()).toBe(false);
  await fits(page);
  await say(page, "short");
  await sees(page, "short");
  await messageMenu(page, "short", "Reply");
  await fits(page);
  await composer(page).press("Escape");
  await page.getByRole("button", { name: "Emoji" }).click();
  await page.getByRole("dialog", { name: "Emoji" }).waitFor();
  await fits(page);
  await page.keyboard.press("Escape");
  await openInfo(page);
  await fits(page);
  await page.goBack();
  await page.goto(stage.server.address);
  await conversations(page).waitFor();
  await createGroup(page, "A group on the phone", [bob.username]);
  await say(page, "hello group");
  await sees(page, "hello group");
  await fits(page);
  await openInfo(page);
  await fits(page);
  await page.goto(stage.server.address);
  for (const part of ["Profile", "Appearance", "Devices", "Blocked people"]) {
    await page.goto(stage.server.address);
    await conversations(page).waitFor();
    await openSettings(page, part);
    await fits(page);
  }
});
