/** Without a mouse: log in, open a chat, send, use the menu of a message. */

import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { PASSWORD } from "../harness/api.ts";
import { setTheStage } from "../harness/stage.ts";
import {
  bubble,
  chat,
  composer,
  conversations,
  eventually,
  openChat,
  passwordBox,
  row,
  sees,
} from "../harness/steps.ts";

const stage = setTheStage();
const TABS_MAX = 60;

/** Presses a key until the focus is on the wanted element, or within it. */
async function reach(page: Page, wanted: Locator, key = "Tab"): Promise<void> {
  await wanted.first().waitFor({ state: "attached" });
  for (let pressed = 0; pressed <= TABS_MAX; pressed += 1) {
    const there = await wanted
      .first()
      .evaluate((element) => element === document.activeElement)
      .catch(() => false);
    if (there) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${TABS_MAX} times ${key} did not reach ${wanted}; the focus is on ${await focused(page)}`);
}

const focused = (page: Page) => page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200));

/** Whether what has the focus shows it. */
const showsFocus = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return false;
    const style = getComputedStyle(element);
    return element.matches(":focus-visible") && (style.outlineStyle !== "none" || style.boxShadow !== "none");
  });

test("log in, open, send, reply, all by keyboard", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.account("Bob")]);
  await bob.send(ann.account, "press a key");
  const page = await ann.tab();
  await page.getByRole("textbox", { name: "User name" }).waitFor();
  const change = page.getByRole("button", { name: "I have an account" });
  if (await change.isVisible()) {
    await reach(page, change);
    await page.keyboard.press("Enter");
  }
  await reach(page, page.getByRole("textbox", { name: "User name" }));
  await page.keyboard.type(ann.account.username);
  await reach(page, passwordBox(page));
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await conversations(page).waitFor();

  const bobRow = row(page, "Bob").getByRole("link");
  await reach(page, bobRow);
  expect(await showsFocus(page)).toBe(true);
  await page.keyboard.press("Enter");
  await chat(page, "Bob").waitFor();
  await sees(page, "press a key");
  await reach(page, composer(page));
  await page.keyboard.type("two lines");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("in one message");
  await page.keyboard.press("Enter");
  await sees(page, "in one message");
  expect(await bubble(page, /two lines\s*in one message/).count()).toBe(1);

  // Back from the writing to the messages, and the menu of one.
  await reach(page, bubble(page, "press a key").getByRole("button", { name: "Message actions" }), "Shift+Tab");
  await page.keyboard.press("Enter");
  const reply = page.getByRole("menuitem", { name: "Reply", exact: true });
  await reply.waitFor();
  await reach(page, reply, "ArrowDown");
  await page.keyboard.press("Enter");
  await eventually(() => composer(page).evaluate((element) => element === document.activeElement)).toBe(true);
  await page.keyboard.type("answered by keyboard");
  await page.keyboard.press("Enter");
  await sees(page, "answered by keyboard");
  await eventually(async () => await bubble(page, "answered by keyboard").last().textContent()).toContain(
    "press a key",
  );

  // Esc closes what is open, and gives the focus back.
  await reach(page, page.getByRole("button", { name: "Emoji" }));
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Emoji" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Emoji" }).waitFor({ state: "detached" });
  await eventually(() => page.evaluate(() => document.activeElement !== document.body)).toBe(true);
});

test("Esc in the very moment in which the emoji appear gives the focus back", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.account("Bob")]);
  await bob.send(ann.account, "quick");
  const page = await ann.arrive();
  await openChat(page, "Bob");
  // Sooner than any hand: after the search box is in the page, before anything else runs.
  await page.evaluate(() => {
    new MutationObserver((_, observer) => {
      const search = document.querySelector('[role="dialog"] input[type="search"]');
      if (search === null) return;
      observer.disconnect();
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    }).observe(document.body, { childList: true, subtree: true });
  });
  const emoji = page.getByRole("button", { name: "Emoji" });
  await emoji.focus();
  await page.keyboard.press("Enter");
  await eventually(() => emoji.getAttribute("aria-expanded")).toBe("false");
  await page.getByRole("dialog", { name: "Emoji" }).waitFor({ state: "detached" });
  await eventually(() => emoji.evaluate((element) => element === document.activeElement)).toBe(true);
});
