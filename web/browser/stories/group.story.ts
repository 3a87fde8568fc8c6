/** A group of three: made, mentioned in, read, changed. */
import { expect, test } from "vitest";
import { setTheStage } from "../harness/stage.ts";
import {
  chat,
  composer,
  confirm,
  createGroup,
  eventually,
  log,
  memberMenu,
  messageMenu,
  openChat,
  openInfo,
  row,
  say,
  sees,
} from "../harness/steps.ts";

const stage = setTheStage();

test("a group of three: mentions, readers, members, names", async () => {
  const [ann, bob, cleo] = await Promise.all([stage.person("Ann"), stage.person("Bob"), stage.person("Cleo")]);
  const dora = await stage.person("Dora");
  const [annPage, bobPage, cleoPage] = await Promise.all([ann.arrive(), bob.arrive(), cleo.arrive()]);
  const doraPage = await dora.arrive();

  await createGroup(annPage, "Picnic", [bob.account.username, cleo.account.username]);
  await say(annPage, "who brings bread?");
  await Promise.all([row(bobPage, "Picnic").waitFor(), row(cleoPage, "Picnic").waitFor()]);

  // A mention is picked from the list, and marked in the list of the one who is meant.
  await composer(annPage).pressSequentially("you do, @Bo");
  const people = annPage.getByRole("listbox", { name: "People" });
  await people.getByRole("option", { name: /Bob/ }).waitFor();
  await composer(annPage).press("Enter");
  await people.waitFor({ state: "detached" });
  await composer(annPage).press("Enter");
  await sees(annPage, "you do, @Bob");
  await row(bobPage, "Picnic").getByText("You were mentioned").first().waitFor({ state: "attached" });
  expect(await row(cleoPage, "Picnic").getByText("You were mentioned").count()).toBe(0);

  // Who has read: Bob opens it, Cleo does not.
  await openChat(bobPage, "Picnic");
  await sees(bobPage, "you do, @Bob");
  await messageMenu(annPage, "who brings bread?", "Who has read");
  const readers = annPage.getByRole("dialog");
  await readers.getByText("Bob").first().waitFor();
  await readers.getByText("Cleo").first().waitFor();
  await annPage.keyboard.press("Escape");
  await readers.waitFor({ state: "detached" });
  await openChat(cleoPage, "Picnic");
  await sees(cleoPage, "who brings bread?");

  // One comes, one goes, and the name changes: everybody sees a line about it.
  const info = await openInfo(annPage);
  await info.getByRole("button", { name: "Add people" }).click();
  const adding = annPage.getByRole("dialog");
  await adding.getByRole("textbox").first().fill(dora.account.username);
  await adding.getByRole("button", { name: "Add", exact: true }).click();
  await adding.getByText("Dora").first().waitFor();
  await adding
    .getByRole("button", { name: /^(Add people|Choose|Choose \(1\)|Done|OK)$/ })
    .last()
    .click();
  await adding.waitFor({ state: "detached" });
  for (const page of [annPage, bobPage, cleoPage])
    await log(page)
      .getByText(/Ann added Dora|You added Dora/)
      .first()
      .waitFor();
  await eventually(() => info.getByRole("list", { name: "Members" }).getByRole("listitem").count()).toBe(4);

  await openChat(doraPage, "Picnic");
  await say(doraPage, "thank you for having me");
  await sees(annPage, "thank you for having me");
  await memberMenu(annPage, "Dora", "Remove from group");
  const sure = annPage.getByRole("dialog").getByRole("button", { name: /Remove/ });
  if (await sure.isVisible()) await sure.click();
  for (const page of [bobPage, cleoPage])
    await log(page)
      .getByText(/Ann removed Dora/)
      .first()
      .waitFor();

  await info.getByRole("button", { name: "Rename" }).click();
  const naming = annPage.getByRole("dialog");
  await naming.getByRole("textbox").fill("Picnic on Sunday");
  await naming.getByRole("button", { name: /Rename|Save/ }).click();
  for (const page of [annPage, bobPage, cleoPage]) {
    await chat(page, "Picnic on Sunday").waitFor();
    await log(page)
      .getByText(/Picnic on Sunday/)
      .first()
      .waitFor();
    await row(page, "Picnic on Sunday").waitFor();
  }

  // A member leaves: the others are told, and it is gone from the own list.
  await openInfo(cleoPage);
  await cleoPage.getByRole("button", { name: "Leave group" }).click();
  await confirm(cleoPage, /./, "Leave group").catch(() => undefined);
  await row(cleoPage, "Picnic").waitFor({ state: "detached" });
  for (const page of [annPage, bobPage])
    await log(page)
      .getByText(/Cleo left/)
      .first()
      .waitFor();
});

test("the owner makes an admin, and hands the group over", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  await ann.account.createGroup("Board", [bob.account]);
  const [annPage, bobPage] = await Promise.all([ann.arrive(), bob.arrive()]);
  await Promise.all([openChat(annPage, "Board"), openChat(bobPage, "Board")]);
  const [, bobInfo] = await Promise.all([openInfo(annPage), openInfo(bobPage)]);
  expect(await bobInfo.getByRole("button", { name: "Rename" }).count()).toBe(0);
  await memberMenu(annPage, "Bob", "Make admin");
  await bobInfo.getByRole("button", { name: "Rename" }).waitFor();
  await memberMenu(annPage, "Bob", "Transfer ownership");
  const sure = annPage.getByRole("dialog").getByRole("button", { name: /Transfer/ });
  await sure.waitFor();
  await sure.click();
  await memberMenu(bobPage, "Ann", "Make member");
  await eventually(() => annPage.getByRole("complementary").getByRole("button", { name: "Rename" }).count()).toBe(0);
});
