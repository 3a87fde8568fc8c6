/** While somebody writes, the others see it; when the message is there, or the writer stops, it is over. */
import { expect, test } from "vitest";
import { setTheStage } from "../harness/stage.ts";
import { chat, composer, eventually, openChat, say, sees } from "../harness/steps.ts";

const stage = setTheStage();

test("somebody is typing", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  await ann.account.send(bob.account, "first words");
  const [annPage, bobPage] = await Promise.all([ann.arrive(), bob.arrive()]);
  await Promise.all([openChat(annPage, "Bob"), openChat(bobPage, "Ann")]);
  const below = chat(bobPage, "Ann").getByRole("status").filter({ hasText: "typing…" });
  await composer(annPage).pressSequentially("hel", { delay: 20 });
  await below.waitFor();
  await say(annPage, "hello");
  await sees(bobPage, "hello");
  await eventually(() => below.count()).toBe(0);
  // A sign goes out every few seconds at most.
  await composer(annPage).pressSequentially("and something longer that takes a while", { delay: 100 });
  await below.waitFor();
  // Nothing more comes: after a while nobody believes it any more.
  await eventually(() => below.count()).toBe(0);
  expect(await chat(annPage, "Bob").getByText("typing…").count()).toBe(0);
});
