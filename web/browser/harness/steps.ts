/** What people do in the app, by role and accessible name: a story reads like what a person would tell. */

import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";

const PATIENCE = { timeout: 15_000, interval: 50 };

/** Waits until a value in the page is the expected one. */
export const eventually = <T>(probe: () => Promise<T>, timeout = PATIENCE.timeout) =>
  expect.poll(probe, { ...PATIENCE, timeout });

// Welcome

export async function logIn(page: Page, username: string, password: string): Promise<void> {
  await showForm(page, "Log in", "I have an account");
  await page.getByRole("textbox", { name: "User name" }).fill(username);
  await passwordBox(page).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await conversations(page).waitFor({ state: "attached" });
}

export async function register(page: Page, username: string, password: string, displayName: string): Promise<void> {
  await showForm(page, "Create account", "I am new here");
  await page.getByRole("textbox", { name: "User name" }).fill(username);
  await page.getByRole("textbox", { name: "Display name" }).fill(displayName);
  await passwordBox(page).fill(password);
  await page.getByRole("button", { name: "Create account", exact: true }).click();
  await conversations(page).waitFor({ state: "attached" });
}

/** The password field; browsers give a hidden one no role, so it is found by its label. */
export const passwordBox = (page: Page): Locator => page.getByLabel("Password", { exact: true });

async function showForm(page: Page, wanted: string, other: string): Promise<void> {
  const form = page.getByRole("button", { name: wanted, exact: true });
  const change = page.getByRole("button", { name: other }).or(page.getByRole("link", { name: other }));
  await form.or(change).first().waitFor();
  if (!(await form.isVisible())) await change.click();
}

// The list

export const conversations = (page: Page): Locator => page.getByRole("navigation", { name: "Conversations" });
export const row = (page: Page, title: string): Locator =>
  page.getByRole("list", { name: "Conversations" }).getByRole("listitem").filter({ hasText: title });

export async function openChat(page: Page, title: string): Promise<void> {
  await row(page, title).first().getByRole("link").click();
  await chat(page, title).waitFor();
}

async function newChat(page: Page, item: string): Promise<void> {
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

export async function startChat(page: Page, username: string): Promise<void> {
  await newChat(page, "New message");
  const dialog = page.getByRole("dialog", { name: "New message" });
  await dialog.getByRole("textbox", { name: "User name" }).fill(username);
  await dialog.getByRole("button", { name: "Start" }).click();
  await dialog.waitFor({ state: "detached" });
  await composer(page).waitFor();
}

export async function createGroup(page: Page, name: string, usernames: readonly string[]): Promise<void> {
  await newChat(page, "New group");
  const dialog = page.getByRole("dialog", { name: "New group" });
  await dialog.getByRole("textbox", { name: "Group name" }).fill(name);
  for (const username of usernames) {
    const box = dialog.getByRole("textbox", { name: "Add people by user name" });
    await box.fill(username);
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await eventually(() => box.inputValue()).toBe("");
  }
  await dialog.getByRole("button", { name: "Create group" }).click();
  await dialog.waitFor({ state: "detached" });
  await chat(page, name).waitFor();
}

export async function rowMenu(page: Page, title: string, item: string): Promise<void> {
  await row(page, title).first().click({ button: "right" });
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

/** How many unread messages the row of a conversation says; 0 when it says nothing. */
export async function unreadOf(page: Page, title: string): Promise<number> {
  const said = row(page, title)
    .first()
    .getByText(/^\d+ unread$/);
  return (await said.count()) === 0 ? 0 : Number.parseInt((await said.first().textContent()) ?? "", 10);
}

// The chat

export const chat = (page: Page, title: string): Locator => page.getByRole("main", { name: title });
export const composer = (page: Page): Locator => page.getByRole("textbox", { name: "Message", exact: true });
export const log = (page: Page): Locator => page.getByRole("log", { name: "Messages" });
export const bubble = (page: Page, text: string | RegExp): Locator =>
  log(page).getByRole("article").filter({ hasText: text });

export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

export async function sees(page: Page, text: string | RegExp): Promise<void> {
  await bubble(page, text).last().waitFor();
}

/** `data-status` of an own message. */
export const statusOf = (page: Page, text: string | RegExp): Promise<string | null> =>
  bubble(page, text).last().getAttribute("data-status");

export async function messageMenu(page: Page, text: string | RegExp, item: string): Promise<void> {
  await bubble(page, text).last().getByText(text).last().click({ button: "right" });
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

/** Clicks the one button of this name in a dialog. */
export async function confirm(page: Page, dialog: string | RegExp, button: string): Promise<void> {
  await page.getByRole("dialog", { name: dialog }).getByRole("button", { name: button, exact: true }).click();
}

export async function openInfo(page: Page): Promise<Locator> {
  const info = page.getByRole("complementary", { name: "Conversation info" });
  if (!(await info.isVisible())) await page.getByRole("button", { name: "Conversation info" }).click();
  await info.waitFor();
  return info;
}

export async function memberMenu(page: Page, member: string, item: string): Promise<void> {
  const info = await openInfo(page);
  const entry = info.getByRole("list", { name: "Members" }).getByRole("listitem").filter({ hasText: member });
  await entry.hover();
  await entry.getByRole("button", { name: "Member actions" }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

// Connection and settings

export const connection = async (page: Page): Promise<string> =>
  ((await page.getByRole("status", { name: "Connection" }).textContent()) ?? "").trim();

export async function online(page: Page, timeout = 20_000): Promise<void> {
  await eventually(() => connection(page), timeout).toBe("Online");
}

export async function openSettings(page: Page, part: string): Promise<void> {
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  const named = { name: part, exact: true };
  await page
    .getByRole("tab", named)
    .or(page.getByRole("link", named))
    .or(page.getByRole("button", named))
    .first()
    .click();
}

/** Picks one of several by its label: the radio itself may be drawn by other means. */
export async function choose(page: Page, name: string): Promise<void> {
  const radio = page.getByRole("radio", { name, exact: true });
  await page.locator("label").filter({ has: radio }).click();
  await eventually(() => radio.isChecked()).toBe(true);
}
