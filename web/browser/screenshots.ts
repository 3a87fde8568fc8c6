/** Makes the pictures of the documentation: `SKEIN_SCREENSHOTS=1 npm run test:browser -- screenshots`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { expect, test } from "vitest";
import { en } from "../src/text/en.ts";
import { zh } from "../src/text/zh.ts";
import { Account, PASSWORD } from "./harness/api.ts";
import { shrunk } from "./harness/png.ts";
import { type Person, type Stage, setTheStage } from "./harness/stage.ts";
import { openSettings } from "./harness/steps.ts";

const stage = setTheStage();
const FOLDER = resolve(import.meta.dirname, "../../docs/images");
const BYTES_MAX = 150 * 1024;

/** A small world of people who talk about a boat trip, in two languages. */
async function world(stage: Stage): Promise<{ lin: Account; trip: string }> {
  const phone = { platform: "PLATFORM_IOS", name: "Lin’s phone" };
  const lin = await Account.register(stage.server.address, "lin", "林晓雨", phone);
  const people = ["Tomás Rivera", "Aisha Bello", "周航", "Mette Holm", "Jonas Weber"];
  const [tomas, aisha, zhou, mette, jonas] = await Promise.all(
    people.map((name, at) => stage.account(["tomas", "aisha", "zhou", "mette", "jonas"][at] ?? "x", name)),
  );
  if (!tomas || !aisha || !zhou || !mette || !jonas) throw new Error("somebody is missing");
  await mette.send(lin, "The recipe you asked for: three eggs, not four!");
  await lin.send(mette, "Ha, that explains last Sunday 😄");
  await jonas.send(lin, { markdown: { text: "Build is green again: [#412](https://example.org/412)" } });
  const readers = await aisha.createGroup("Book circle 读书会", [lin, mette, zhou]);
  await aisha.send({ conversationId: readers }, "Next: “Fortress Besieged”. Who has a copy?");
  await zhou.send({ conversationId: readers }, "我有《围城》，周三带给你们。");
  await zhou.send(lin, "晚上一起吃饭吗？");
  await lin.send(zhou, "好呀，七点老地方见 🍜");
  await zhou.send(lin, "没问题，我先去占座。");
  await lin.send(lin, "Passport! Tickets! Sunscreen!");

  const trip = await tomas.createGroup("Boat trip ⛵", [lin, aisha, zhou, mette]);
  const to = { conversationId: trip };
  await tomas.send(to, {
    markdown: { text: "The boat is ours from **Friday**, 9:00. Here is the harbour map: https://example.org/harbour" },
  });
  const food = await aisha.send(to, "I bring bread, cheese and far too many olives 🫒");
  await zhou.send(to, "我带水果和茶，还有两把雨伞，以防万一。");
  await lin.send(to, {
    text: { text: "Perfect. I take care of dinner on Saturday!" },
    reply: {
      messageId: food.messageId,
      seq: food.seq,
      senderId: aisha.userId,
      excerpt: "I bring bread, cheese and far too many olives 🫒",
    },
  });
  await mette.send(to, {
    markdown: {
      text: "Packing list:\n\n- warm jacket\n- *no* hard suitcases\n- swimming things\n\nWind: `12 kn`, sun on both days.",
    },
  });
  await lin.send(to, "听起来太棒了！我周四晚上到，谁来接我？");
  await tomas.send(to, {
    text: { text: `@${lin.displayName} I can pick you up at the station` },
    mentions: [{ userId: lin.userId, offset: 0, length: 4 }],
  });
  const last = await lin.send(to, "You are the best, see you there! 🎉");
  for (const one of [tomas, aisha, zhou]) await one.markRead(trip, Number(last.seq));
  await lin.call("ConversationService/UpdateConversation", { conversationId: trip, pinned: true });
  await jonas.send(lin, "Can you have a look at the new logo?");
  await lin.logInElsewhere("Lin’s notebook");
  return { lin, trip };
}

async function enter(person: Person, words: typeof en, hash: string): Promise<Page> {
  const page = await person.tab();
  const form = page.getByRole("button", { name: words.welcome.logIn, exact: true });
  const change = page.getByRole("button", { name: words.welcome.haveAccount });
  await form.or(change).first().waitFor();
  if (!(await form.isVisible())) await change.click();
  await page.getByRole("textbox", { name: words.welcome.username }).fill(person.account.username);
  await page.getByLabel(words.welcome.password, { exact: true }).fill(PASSWORD);
  await form.click();
  await page.getByRole("navigation", { name: words.list.conversations }).waitFor({ state: "attached" });
  if (hash !== "") {
    await page.goto(`${stage.server.address}/${hash}`);
    await page.getByRole("article").last().waitFor();
  }
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  await page
    .getByRole("status")
    .getByText(new RegExp(`^(${en.shell.online}|${zh.shell.online})$`))
    .waitFor({ state: "attached" });
  await page.evaluate(async () => {
    await document.fonts.ready;
    (document.activeElement as HTMLElement | null)?.blur();
  });
  const path = join(FOLDER, `${name}.png`);
  const png = shrunk(await page.screenshot({ animations: "disabled", caret: "hide", scale: "css" }));
  writeFileSync(path, png);
  const bytes = png.length;
  process.stdout.write(`  ${path}: ${(bytes / 1024).toFixed(0)} KiB\n`);
  expect(bytes).toBeLessThan(BYTES_MAX);
}

test.skipIf(process.env.SKEIN_SCREENSHOTS !== "1")("pictures for the documentation", async () => {
  const { lin, trip } = await world(stage);
  const person = (options: BrowserContextOptions) => stage.person("Lin", { account: lin, ...options });
  const wide = { viewport: { width: 1180, height: 760 } };
  const light = await enter(await person({ ...wide, colorScheme: "light" }), en, `#/c/${trip}`);
  await picture(light, "chat-light");
  await openSettings(light, "Devices");
  await light.getByRole("list", { name: "Devices" }).getByRole("listitem").nth(1).waitFor();
  await picture(light, "devices");
  const dark = await enter(await person({ ...wide, colorScheme: "dark", locale: "zh-CN" }), zh, `#/c/${trip}`);
  await picture(dark, "chat-dark-zh");
  const phone = { viewport: { width: 360, height: 720 }, colorScheme: "light" as const };
  await picture(await enter(await person(phone), en, `#/c/${trip}`), "narrow");
});
