/** For those who do not see the screen: names of controls, headings, landmarks, order. */

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { namelessControls, skeletonFaults } from "../harness/measure.ts";
import { setTheStage } from "../harness/stage.ts";
import { bubble, connection, log, online, openChat, openInfo, openSettings, say, sees } from "../harness/steps.ts";

const stage = setTheStage();

async function sound(page: Page): Promise<void> {
  expect(await namelessControls(page)).toEqual([]);
  expect(await skeletonFaults(page)).toEqual([]);
}

test("every page names its controls and has a sound skeleton", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.account("Bob")]);
  await ann.account.createGroup("Choir", [bob]);
  await bob.send(ann.account, "la la la");
  const welcome = await ann.tab();
  await welcome.getByRole("textbox", { name: "User name" }).waitFor();
  await sound(welcome);
  await welcome.close();

  const page = await ann.arrive();
  await online(page);
  await openChat(page, "Bob");
  await say(page, "heard you");
  await sees(page, "heard you");
  await sound(page);
  await bubble(page, "heard you").getByText("heard you").click({ button: "right" });
  await page.getByRole("menu").waitFor();
  await sound(page);
  await page.keyboard.press("Escape");
  await openChat(page, "Choir");
  await openInfo(page);
  await sound(page);
  await page.getByRole("button", { name: "Emoji" }).click();
  await page.getByRole("dialog", { name: "Emoji" }).waitFor();
  expect(await namelessControls(page)).toEqual([]);
  await page.keyboard.press("Escape");
  for (const part of ["Profile", "Appearance", "Devices", "Blocked people"]) {
    await openSettings(page, part);
    await sound(page);
    await page.goBack();
  }
});

test("what happens is announced", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.account("Bob")]);
  await bob.send(ann.account, "la la la");
  const page = await ann.arrive();
  await openChat(page, "Bob");
  await sees(page, "la la la");
  expect(await connection(page)).not.toBe("");
  const live = await log(page).evaluate((element) => element.getAttribute("aria-live") ?? "polite");
  const elsewhere = await page.locator("[aria-live=polite], [role=status]").count();
  expect(live === "polite" || elsewhere > 1).toBe(true);
});
