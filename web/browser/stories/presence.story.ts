/** Who is there is shown beside the name and in the list; whoever does not want to be seen is not. */
import { expect, test } from "vitest";
import { setTheStage } from "../harness/stage.ts";
import { chat, eventually, openChat, openSettings, row } from "../harness/steps.ts";

const stage = setTheStage();

test("somebody comes, hides, and is there again", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  await ann.account.send(bob.account, "first words");
  const annPage = await ann.arrive();
  await openChat(annPage, "Bob");
  const dots = row(annPage, "Bob").getByRole("img", { name: "online" });
  expect(await dots.count()).toBe(0);

  const bobPage = await bob.arrive();
  await chat(annPage, "Bob").getByRole("status").filter({ hasText: "online" }).waitFor();
  await dots.first().waitFor();

  await openSettings(bobPage, "Privacy");
  const hidden = bobPage.getByRole("switch", { name: "Look offline to all others" });
  await hidden.click();
  await chat(annPage, "Bob").getByRole("status").filter({ hasText: "last seen" }).waitFor();
  await eventually(() => dots.count()).toBe(0);
  await eventually(() => hidden.getAttribute("aria-checked")).toBe("true");

  await bobPage.getByRole("radiogroup", { name: "Who sees when you were last here" }).getByText("Nobody").click();
  await eventually(() => chat(annPage, "Bob").getByRole("status").filter({ hasText: "last seen" }).count()).toBe(0);

  await hidden.click();
  await chat(annPage, "Bob").getByRole("status").filter({ hasText: "online" }).waitFor();
});
