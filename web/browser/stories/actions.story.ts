/** What can be done to a message reaches the other's page, and only what should. */

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { type Person, setTheStage } from "../harness/stage.ts";
import { bubble, composer, eventually, log, messageMenu, openChat, say, sees, statusOf } from "../harness/steps.ts";

const stage = setTheStage();

async function couple(): Promise<{ ann: Person; bob: Person; annPage: Page; bobPage: Page }> {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  await ann.account.send(bob.account, "the first one");
  const [annPage, bobPage] = await Promise.all([ann.arrive(), bob.arrive()]);
  await Promise.all([openChat(annPage, "Bob"), openChat(bobPage, "Ann")]);
  await Promise.all([sees(annPage, "the first one"), sees(bobPage, "the first one")]);
  return { ann, bob, annPage, bobPage };
}

test("edit, with its history", async () => {
  const { annPage, bobPage } = await couple();
  await say(annPage, "see you at fiev");
  await sees(bobPage, "see you at fiev");
  await eventually(() => statusOf(annPage, "see you at")).toBe("read");
  await composer(annPage).press("ArrowUp");
  await eventually(() => composer(annPage).inputValue()).toBe("see you at fiev");
  await composer(annPage).fill("see you at five");
  await composer(annPage).press("Enter");
  for (const page of [annPage, bobPage]) {
    await sees(page, "see you at five");
    expect(await bubble(page, "fiev").count()).toBe(0);
  }
  await bubble(bobPage, "see you at five")
    .getByRole("button", { name: /edited/ })
    .click();
  await bobPage.getByRole("dialog", { name: "Edit history" }).getByText("see you at fiev").waitFor();
});

test("recall", async () => {
  const { annPage, bobPage } = await couple();
  await say(annPage, "oh no, the wrong window");
  await sees(bobPage, "the wrong window");
  await eventually(() => statusOf(annPage, "the wrong window")).toBe("read");
  await messageMenu(annPage, "the wrong window", "Recall");
  const sure = annPage.getByRole("dialog").getByRole("button", { name: "Recall" });
  await sure.or(log(annPage).getByText("You took back a message")).first().waitFor();
  if (await sure.isVisible()) await sure.click();
  await log(annPage).getByText("You took back a message").waitFor();
  await log(bobPage).getByText("Ann took back a message").waitFor();
  for (const page of [annPage, bobPage]) await eventually(() => bubble(page, "the wrong window").count()).toBe(0);
});

test("delete for me leaves the other's copy", async () => {
  const { annPage, bobPage } = await couple();
  await messageMenu(bobPage, "the first one", "Delete for me");
  const sure = bobPage.getByRole("dialog").getByRole("button", { name: /Delete/ });
  await sure
    .or(bobPage.getByRole("menu"))
    .first()
    .waitFor({ timeout: 1_000 })
    .catch(() => undefined);
  if (await sure.isVisible()) await sure.click();
  await bubble(bobPage, "the first one").waitFor({ state: "detached" });
  await bobPage.reload();
  await openChat(bobPage, "Ann");
  await say(bobPage, "what was it?");
  await sees(annPage, "what was it?");
  expect(await bubble(bobPage, "the first one").count()).toBe(0);
  expect(await bubble(annPage, "the first one").count()).toBe(1);
});

test("a reply quotes what it answers", async () => {
  const { annPage, bobPage } = await couple();
  await messageMenu(bobPage, "the first one", "Reply");
  await say(bobPage, "an answer to it");
  for (const page of [annPage, bobPage]) {
    await sees(page, "an answer to it");
    await eventually(async () => await bubble(page, "an answer to it").last().textContent()).toContain("the first one");
  }
});

test("forward one by one, and merged", async () => {
  const { ann, annPage } = await couple();
  const cleo = await stage.person("Cleo");
  await ann.account.send(cleo.account, "hello Cleo");
  const cleoPage = await cleo.arrive();
  await openChat(cleoPage, "Ann");
  await say(annPage, "a second one");
  await eventually(() => statusOf(annPage, "a second one")).not.toBe("sending");

  const forward = async (merged: boolean) => {
    const dialog = annPage.getByRole("dialog", { name: "Forward to" });
    await dialog.waitFor();
    await dialog.getByText("Cleo").first().click();
    const box = dialog.getByRole("checkbox", { name: "As one merged message" });
    if (merged) await box.check();
    await dialog.getByRole("button", { name: "Forward", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  };
  await messageMenu(annPage, "the first one", "Forward");
  await forward(false);
  await sees(cleoPage, "the first one");

  await messageMenu(annPage, "the first one", "Select");
  await bubble(annPage, "a second one").last().click();
  await annPage.getByText("2 selected").waitFor();
  await annPage.getByRole("button", { name: "Forward", exact: true }).click();
  await forward(true);
  await eventually(async () => await log(cleoPage).getByRole("article").last().textContent()).toContain("a second one");
  expect(await bubble(cleoPage, "the first one").count()).toBe(2);
});
