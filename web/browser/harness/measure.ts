/** Figures taken from a page: overflow, frame times, bytes of scripts, names of controls. */
import type { Page } from "playwright-core";

/** Elements that stick out of the viewport to the right or left, in words; empty when the page fits. */
export function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    // A row of tabs, a block of code: what is wider than they are can be reached by scrolling just them.
    const scrollsSideways = (element: Element) => {
      for (let up = element.parentElement; up !== null; up = up.parentElement) {
        if (up.scrollWidth > up.clientWidth && /auto|scroll/.test(getComputedStyle(up).overflowX)) return true;
      }
      return false;
    };
    const root = document.scrollingElement;
    const out = root !== null && root.scrollWidth > wide ? [`the page is ${root.scrollWidth} wide in ${wide}`] : [];
    for (const element of document.querySelectorAll(
      "button, input, textarea, a, [role=article], h1, h2, [role=menu]",
    )) {
      const box = element.getBoundingClientRect();
      const style = getComputedStyle(element);
      const hidden = box.width <= 1 || box.height <= 1 || style.visibility === "hidden" || style.opacity === "0";
      // Panes that are slid away as a whole are not in anybody's way.
      if (hidden || box.right <= 0 || box.left >= wide || element.closest("[inert], [aria-hidden=true]") !== null)
        continue;
      if (scrollsSideways(element)) continue;
      if (box.right > wide + 1 || box.left < -1) {
        out.push(
          `<${element.localName}> ${element.getAttribute("aria-label") ?? element.textContent?.slice(0, 30)} at ${box.left}..${box.right}`,
        );
      }
    }
    return out;
  });
}

/** Starts to note the time between frames; the answer stops it and gives them in milliseconds, ascending. */
export async function watchFrames(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(() => {
    const times: number[] = [];
    const state = window as unknown as { __frames?: { times: number[]; on: boolean } };
    const mine = { times, on: true };
    state.__frames = mine;
    let last = performance.now();
    const tick = () => {
      const now = performance.now();
      times.push(now - last);
      last = now;
      if (mine.on) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  return () =>
    page.evaluate(() => {
      const state = window as unknown as { __frames?: { times: number[]; on: boolean } };
      if (state.__frames === undefined) return [];
      state.__frames.on = false;
      return state.__frames.times.sort((a, b) => a - b);
    });
}

export const percentile = (ascending: readonly number[], share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? 0;

const CONTROLS = new Set(
  "button link textbox checkbox radio combobox menuitem tab switch searchbox slider spinbutton option dialog".split(
    " ",
  ),
);

/** Controls without an accessible name, as the browser itself computes names. */
export async function namelessControls(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send("Accessibility.enable");
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const nameless: string[] = [];
    for (const node of nodes) {
      const role = String(node.role?.value ?? "");
      if (node.ignored || !CONTROLS.has(role) || String(node.name?.value ?? "").trim() !== "") continue;
      const where = { backendNodeId: node.backendDOMNodeId ?? 0 };
      const html = await session.send("DOM.getOuterHTML", where).catch(() => ({ outerHTML: "" }));
      nameless.push(`${role}: ${html.outerHTML.slice(0, 200)}`);
    }
    return nameless;
  } finally {
    await session.detach();
  }
}

/** What is wrong with the skeleton of a page: headings, landmarks, order of focus, images, language. */
export function skeletonFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const shown = (element: Element) => element.checkVisibility();
    const faults: string[] = [];
    const count = (what: string, least: number, most: number) => {
      const found = [...document.querySelectorAll(what)].filter(shown).length;
      if (found < least || found > most) faults.push(`${found} of ${what}`);
    };
    count("h1", 1, 1);
    count("main, [role=main]", 1, 1);
    for (const element of document.querySelectorAll("[tabindex]")) {
      if (Number(element.getAttribute("tabindex")) > 0)
        faults.push(`positive tabindex: ${element.outerHTML.slice(0, 100)}`);
    }
    for (const image of document.querySelectorAll("img")) {
      if (!image.hasAttribute("alt")) faults.push(`image without alt: ${image.outerHTML.slice(0, 100)}`);
    }
    if (document.documentElement.lang === "") faults.push("no language");
    if (document.title.trim() === "") faults.push("no title");
    const ids = new Set<string>();
    for (const { id } of document.querySelectorAll("[id]")) {
      if (ids.has(id)) faults.push(`twice the id ${id}`);
      ids.add(id);
    }
    return faults;
  });
}
