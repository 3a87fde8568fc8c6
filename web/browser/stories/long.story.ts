/** A conversation of 100,000 messages opens at once and scrolls smoothly, with few elements. */

import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { flood } from "../harness/flood.ts";
import { percentile, watchFrames } from "../harness/measure.ts";
import { type Person, setTheStage } from "../harness/stage.ts";
import { eventually, log, online, openChat, row, say, sees } from "../harness/steps.ts";

// What two people wrote in years is written here in a minute.
const stage = setTheStage({ SKEIN__ACCESS__LIMITS__REQUESTS_PER_USER_PER_MINUTE: "0" });
const COUNT = 100_000;
const ROWS_MAX = 150;
const OPEN_MS_MAX = 3_000;
/** Generous: machines that run tests are busy with other things. */
const FRAME_MS_MAX = 250;

let ann: Person;

/** Texts of all lengths: rows are of different heights. */
const text = (nth: number) => `message ${nth}${nth % 7 === 0 ? ` ${"and so on ".repeat(nth % 40)}` : ""}`;

beforeAll(async () => {
  ann = await stage.person("Ann");
  const bob = await stage.account("Bob");
  await Promise.all([
    flood(bob, { userId: ann.account.userId }, COUNT / 2, (nth) => text(nth * 2)),
    flood(ann.account, { userId: bob.userId }, COUNT / 2, (nth) => text(nth * 2 - 1)),
  ]);
  await ann.account.markRead(await ann.account.directWith(bob), COUNT);
}, 120_000);

/** The seqs that are in sight. */
const inSight = (page: Page): Promise<number[]> =>
  log(page).evaluate((element) => {
    const frame = element.getBoundingClientRect();
    return [...element.querySelectorAll<HTMLElement>("[data-seq]")]
      .filter((row) => {
        const box = row.getBoundingClientRect();
        return (
          box.height > 0 &&
          box.bottom > frame.top &&
          box.top < frame.bottom &&
          (row.textContent ?? "").includes("message")
        );
      })
      .map((row) => Number(row.dataset.seq));
  });
const rows = (page: Page) => log(page).getByRole("article").count();

test("100,000 messages", { timeout: 90_000 }, async () => {
  const page = await ann.arrive();
  await online(page);
  await row(page, "Bob").waitFor();
  const since = performance.now();
  await openChat(page, "Bob");
  await eventually(() => inSight(page)).toContain(COUNT);
  const opened = performance.now() - since;
  expect(await rows(page)).toBeLessThan(ROWS_MAX);
  expect(opened).toBeLessThan(OPEN_MS_MAX);

  const box = await log(page).boundingBox();
  if (box === null) throw new Error("the messages have no place");
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const wheel = await watchFrames(page);
  for (let turn = 0; turn < 60; turn += 1) {
    await page.mouse.wheel(0, -700);
    await page.evaluate(() => new Promise(requestAnimationFrame));
    expect(await rows(page)).toBeLessThan(ROWS_MAX);
  }
  const frames = await wheel();
  await eventually(async () => (await inSight(page)).length).toBeGreaterThan(2);
  const after = Math.min(...(await inSight(page)));
  expect(after).toBeLessThan(COUNT - 100);

  await log(page).focus();
  for (let press = 0; press < 10; press += 1) {
    await page.keyboard.press("PageUp");
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  await eventually(async () => Math.min(COUNT, ...(await inSight(page)))).toBeLessThan(after);

  const home = performance.now();
  await page.keyboard.press("Home");
  await eventually(() => inSight(page)).toContain(1);
  const top = performance.now() - home;
  expect(await rows(page)).toBeLessThan(ROWS_MAX);
  const end = performance.now();
  await page.keyboard.press("End");
  await eventually(() => inSight(page)).toContain(COUNT);
  const bottom = performance.now() - end;
  await say(page, "one more message");
  await sees(page, "one more message");

  const [median, slow] = [percentile(frames, 0.5), percentile(frames, 0.95)].map((ms) => ms.toFixed(1));
  process.stdout.write(
    `  100,000 messages: open ${opened.toFixed(0)} ms, frames ${median} ms (p95 ${slow} ms), Home ${top.toFixed(0)} ms, End ${bottom.toFixed(0)} ms\n`,
  );
  expect(percentile(frames, 0.95)).toBeLessThan(FRAME_MS_MAX);
});
