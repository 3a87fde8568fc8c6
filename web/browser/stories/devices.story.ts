/** A person logs another device out from the list of devices: it is out within a second, and keeps nothing. */
import { expect, test } from "vitest";
import { PASSWORD } from "../harness/api.ts";
import { Person, setTheStage } from "../harness/stage.ts";
import { conversations, eventually, logIn, openChat, openSettings, sees } from "../harness/steps.ts";

const stage = setTheStage();

test("log out another device", async () => {
  const [home, bob] = await Promise.all([stage.person("Ann"), stage.account("Bob")]);
  await bob.send(home.account, "a secret between us");
  const other = await stage.context({
    userAgent:
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
  });
  const lost = new Person(home.account, other.context, other.watch);
  const [homePage, lostPage] = await Promise.all([home.arrive(), lost.arrive()]);
  await openChat(lostPage, "Bob");
  await sees(lostPage, "a secret between us");

  await openSettings(homePage, "Devices");
  const devices = homePage.getByRole("list", { name: "Devices" }).getByRole("listitem");
  // The seeding of this test is a device too.
  await eventually(() => devices.count()).toBe(3);
  expect(await devices.filter({ hasText: "this device" }).count()).toBe(1);
  const theirs = devices.filter({ hasNotText: "this device" }).filter({ hasNotText: "seed" });
  await theirs.getByRole("button", { name: /^Log out / }).click();
  const sure = homePage.getByRole("dialog").getByRole("button", { name: /Log out/ });
  await sure.waitFor();
  const since = Date.now();
  await sure.click();
  await conversations(lostPage).waitFor({ state: "detached" });
  process.stdout.write(`  thrown out after ${Date.now() - since} ms\n`);
  expect(Date.now() - since).toBeLessThan(1_000);
  await lostPage.getByText("This device was logged out").first().waitFor();
  await eventually(() => devices.count()).toBe(2);
  const kept = () =>
    lostPage.evaluate(async () => ({
      databases: (await indexedDB.databases()).map((database) => database.name),
      words: JSON.stringify(localStorage),
    }));
  await eventually(async () => (await kept()).databases).toEqual([]);
  expect((await kept()).words).not.toMatch(/token|secret/i);
  await logIn(lostPage, home.account.username, PASSWORD);
  await openChat(lostPage, "Bob");
  await sees(lostPage, "a secret between us");
});

test("log out here", async () => {
  const ann = await stage.person("Ann");
  const page = await ann.arrive();
  await openSettings(page, "Devices");
  await page.getByRole("button", { name: "Log out of this device" }).click();
  const sure = page.getByRole("dialog").getByRole("button", { name: /Log out/ });
  await sure
    .or(page.getByRole("textbox", { name: "User name" }))
    .first()
    .waitFor();
  if (await sure.isVisible()) await sure.click();
  await page.getByRole("textbox", { name: "User name" }).waitFor();
  await eventually(() => page.evaluate(async () => (await indexedDB.databases()).length)).toBe(0);
  await page.reload();
  await page.getByRole("textbox", { name: "User name" }).waitFor();
});
