/** Reads a whole conversation off the screen: the list is virtual, so it is scrolled from its first row to its last. */
import type { Page } from "playwright-core";

export interface Row {
  readonly key: string;
  readonly seq: string;
  readonly status: string;
  readonly text: string;
}

export interface Harvest {
  /** In the order from top to bottom. */
  readonly rows: readonly Row[];
  /** Keys that stood above another one at one moment and below it at another, or twice at once. */
  readonly disorder: readonly string[];
}

export async function harvest(page: Page): Promise<Harvest> {
  return await page.evaluate(async () => {
    const log = document.querySelector('[role="log"]');
    if (log === null) return { rows: [], disorder: ["no log"] };
    const scrolls = (element: Element) =>
      /auto|scroll/.test(getComputedStyle(element).overflowY) && element.scrollHeight > element.clientHeight;
    const around: Element[] = [log, ...log.querySelectorAll("*")];
    for (let up = log.parentElement; up !== null; up = up.parentElement) around.push(up);
    const scroller = around.find(scrolls) ?? log;

    const rows: { key: string; seq: string; status: string; text: string }[] = [];
    const places = new Map<string, number>();
    const disorder = new Set<string>();
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve(undefined)));
    const look = () => {
      let before = -1;
      const now = new Set<string>();
      for (const article of log.querySelectorAll<HTMLElement>('[role="article"], article')) {
        const data = article.dataset;
        const key = data.messageId ?? data.clientMessageId ?? `seq ${data.seq}`;
        if (now.has(key)) disorder.add(key);
        now.add(key);
        let place = places.get(key);
        const row = { key, seq: data.seq ?? "", status: data.status ?? "", text: article.textContent ?? "" };
        if (place === undefined) {
          place = rows.length;
          places.set(key, place);
          rows.push(row);
        } else rows[place] = row;
        if (place < before) disorder.add(key);
        before = place;
      }
    };
    // Rows that are on their way from disk or from the server.
    const loaded = async () => {
      const frameOf = log.getBoundingClientRect();
      const waiting = () =>
        [...log.querySelectorAll("[data-loading]")].some((row) => {
          const box = row.getBoundingClientRect();
          return box.bottom > frameOf.top && box.top < frameOf.bottom;
        });
      for (let frames = 0; waiting() && frames < 600; frames += 1) await frame();
    };
    // Rows above the first screen may still be on their way from disk: the top is where nothing moves any more.
    for (let still = 0, last = ""; still < 6; ) {
      scroller.scrollTop = -1e9;
      await frame();
      const now = `${scroller.scrollTop} ${scroller.scrollHeight} ${log.querySelector<HTMLElement>("[data-seq]")?.dataset.seq}`;
      still = now === last ? still + 1 : 0;
      last = now;
    }
    // The last row that is whole in sight becomes the first: none between them can be passed over.
    const turn = () => {
      const bottom = log.getBoundingClientRect().bottom;
      const articles = [...log.querySelectorAll("article")];
      const pivot = articles.filter((article) => article.getBoundingClientRect().bottom <= bottom + 1).at(-1);
      const before = scroller.scrollTop;
      pivot?.scrollIntoView({ block: "start", behavior: "instant" });
      if (scroller.scrollTop <= before) scroller.scrollTop = before + scroller.clientHeight * 0.8;
    };
    // Near the end the view follows it while rows are measured, and may pass some over: then it goes back.
    const back = async () => {
      const seen = Math.max(...rows.map((row) => Number(row.seq)));
      const first = () => Number(log.querySelector<HTMLElement>("article[data-seq]")?.dataset.seq ?? 0);
      for (let turns = 0; first() > seen + 1 && turns < 20; turns += 1) {
        scroller.scrollTop -= scroller.clientHeight / 2;
        await frame();
        await frame();
      }
    };
    for (let still = 0, last = Number.NaN; still < 4; ) {
      await loaded();
      look();
      turn();
      await frame();
      await frame();
      await back();
      still = scroller.scrollTop === last ? still + 1 : 0;
      last = scroller.scrollTop;
    }
    await loaded();
    look();
    return { rows, disorder: [...disorder] };
  });
}

/** The parts of the rows that a pattern finds, in order: what a story compares with the server's history. */
export async function harvestTexts(page: Page, pattern: RegExp): Promise<string[]> {
  const { rows, disorder } = await harvest(page);
  if (disorder.length > 0) return [`in disorder: ${disorder.join(", ")}`];
  return rows.flatMap((row) => pattern.exec(row.text)?.[0] ?? []);
}
