/** The view of a conversation stays sound while rows are measured. */
import { expect, test } from "vitest";
import { eachOf } from "../harness/api.ts";
import { setTheStage } from "../harness/stage.ts";
import { eventually, log, online, openChat, sees } from "../harness/steps.ts";

const stage = setTheStage();
const LINES = 80;

test("the view jumps to a tall message that was never seen while other rows change their heights", async () => {
  const ann = await stage.person("Ann");
  const bob = await stage.account("Bob");
  const lines = Array.from({ length: LINES }, (_, nth) => `line ${nth}`);
  await eachOf(lines, (line) => bob.send(ann.account, line));
  await ann.account.markRead(await ann.account.directWith(bob), LINES);
  const page = await ann.arrive();
  await online(page);
  await openChat(page, "Bob");
  await sees(page, `line ${LINES - 1}`);

  await log(page).evaluate((element) => element.scrollTo({ top: 0 }));
  await sees(page, "line 0");
  await bob.send(ann.account, `tall\n${"and on\n".repeat(40)}the end of it`);
  await page.getByRole("button", { name: /newest/i }).waitFor();
  // The page learns of the new heights in the frame of the jump, of the jump itself in the next one.
  await log(page).evaluate(async (element) => {
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    element.scrollTop = element.scrollHeight - element.clientHeight - 100;
    for (const row of element.querySelectorAll("article")) row.style.paddingBottom = "9px";
    await frame();
    await frame();
  });
  await sees(page, "the end of it");
  await eventually(() => log(page).getByRole("article").count()).toBeLessThan(LINES);
  expect(await page.getByText("This part of the page broke").count()).toBe(0);
});
