/** The server dies by SIGKILL while two people type: nothing is lost, nothing comes twice, and the app says how it is connected. */

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { harvestTexts } from "../harness/harvest.ts";
import { setTheStage } from "../harness/stage.ts";
import { composer, connection, eventually, online, openChat } from "../harness/steps.ts";
import { SERVER_AWAY } from "../harness/watch.ts";

const stage = setTheStage();
const MARK = /[ab]-\d{3}/;

/** Types one message after the other until told to stop. */
class Typist {
  readonly written: string[] = [];
  private stopped = false;
  readonly done: Promise<void>;

  constructor(
    private readonly page: Page,
    private readonly letter: string,
  ) {
    this.done = this.type();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  /** Until this many more messages are written. */
  async more(count: number): Promise<void> {
    const goal = this.written.length + count;
    await eventually(async () => this.written.length, 30_000).toBeGreaterThanOrEqual(goal);
  }

  private async type(): Promise<void> {
    while (!this.stopped) {
      const text = `${this.letter}-${String(this.written.length).padStart(3, "0")}`;
      await composer(this.page).pressSequentially(text, { delay: 15 });
      await composer(this.page).press("Enter");
      await eventually(() => composer(this.page).inputValue()).toBe("");
      this.written.push(text);
    }
  }
}

test("three power cuts under two typing people", { timeout: 120_000 }, async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.person("Bob")]);
  stage.allow(SERVER_AWAY);
  await ann.account.send(bob.account, "let us see");
  const pages = await Promise.all([ann.arrive(), bob.arrive()]);
  const [annPage, bobPage] = pages;
  await Promise.all([openChat(annPage, "Bob"), openChat(bobPage, "Ann")]);
  await Promise.all(pages.map((page) => online(page)));

  const typists = [new Typist(annPage, "a"), new Typist(bobPage, "b")] as const;
  for (let cut = 0; cut < 3; cut += 1) {
    await Promise.all(typists.map((typist) => typist.more(4)));
    await stage.server.kill();
    for (const page of pages) await eventually(() => connection(page), 2_000).not.toBe("Online");
    // As long as the server is away nobody is told otherwise.
    const goal = typists[0].written.length + 4;
    while (typists[0].written.length < goal) {
      for (const page of pages)
        expect(await connection(page)).toMatch(/^(Connecting…|No connection\. Trying again in \d+ s)$/);
    }
    await stage.server.restart();
    await Promise.all(pages.map((page) => online(page, 30_000)));
  }
  await Promise.all(typists.map((typist) => typist.stop()));

  const direct = await ann.account.directWith(bob.account);
  const truth = () => ann.account.texts(direct).then((texts) => texts.filter((text) => MARK.test(text)));
  const all = typists.flatMap((typist) => typist.written);
  await eventually(async () => (await truth()).length, 30_000).toBe(all.length);
  const texts = await truth();
  for (const [at, letter] of ["a", "b"].entries()) {
    expect(texts.filter((text) => text.startsWith(letter))).toEqual(typists[at]?.written);
  }
  for (const page of pages) await eventually(() => harvestTexts(page, MARK), 30_000).toEqual(texts);
  process.stdout.write(`  ${all.length} messages through three power cuts\n`);
});
