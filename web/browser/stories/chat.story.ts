/** Two people register, talk, and see what the other has read. */
import { expect, test } from "vitest";
import { PASSWORD } from "../harness/api.ts";
import { setTheStage } from "../harness/stage.ts";
import {
  bubble,
  eventually,
  log,
  online,
  openChat,
  register,
  row,
  say,
  sees,
  startChat,
  statusOf,
  unreadOf,
} from "../harness/steps.ts";

const stage = setTheStage();

test("two people register and talk both ways, and it is all there after a reload", async () => {
  const [ann, bob] = await Promise.all([stage.context(), stage.context()]);
  const [annPage, bobPage] = await Promise.all([ann.context.newPage(), bob.context.newPage()]);
  const [annName, bobName] = [stage.username("ann"), stage.username("bob")];
  await Promise.all([annPage.goto(stage.server.address), bobPage.goto(stage.server.address)]);
  await register(annPage, annName, PASSWORD, "Ann Lee");
  await register(bobPage, bobName, PASSWORD, "Bob Ray");
  await Promise.all([online(annPage), online(bobPage)]);

  await startChat(annPage, bobName);
  await say(annPage, "hello Bob 👋");
  await openChat(bobPage, "Ann Lee");
  await sees(bobPage, "hello Bob 👋");
  await say(bobPage, "hello Ann, 你好");
  await sees(annPage, "hello Ann, 你好");
  await eventually(() => statusOf(annPage, "hello Bob")).toBe("read");

  for (const page of [annPage, bobPage]) {
    await page.reload();
    await sees(page, "hello Bob 👋");
    await sees(page, "hello Ann, 你好");
    expect(await log(page).getByRole("article").count()).toBe(2);
  }
});

test("unread messages are counted, and ticks follow what the other does", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  await ann.account.send(bob.account, "first words");
  const annPage = await ann.arrive();
  await openChat(annPage, "Bob");
  await say(annPage, "are you there?");
  await eventually(() => statusOf(annPage, "are you there?")).toBe("sent");
  await bubble(annPage, "are you there?").getByLabel("Sent", { exact: true }).waitFor();

  const bobPage = await bob.arrive();
  await eventually(() => unreadOf(bobPage, "Ann")).toBe(2);
  await eventually(() => statusOf(annPage, "are you there?")).toBe("delivered");
  await say(annPage, "say something");
  await eventually(() => unreadOf(bobPage, "Ann")).toBe(3);
  expect(await row(bobPage, "Ann").textContent()).toContain("say something");

  await openChat(bobPage, "Ann");
  await sees(bobPage, "say something");
  await eventually(() => unreadOf(bobPage, "Ann")).toBe(0);
  for (const text of ["first words", "are you there?", "say something"]) {
    await eventually(() => statusOf(annPage, text)).toBe("read");
    await bubble(annPage, text).getByLabel("Read", { exact: true }).waitFor();
  }
});
