/** The detector of hostile content can fail: each of these is put unsafely into a blank page outside the app, and must be told of. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { setTheStage } from "../harness/stage.ts";
import { eventually } from "../harness/steps.ts";
import type { Watch } from "../harness/watch.ts";

const stage = setTheStage();

/** A page of the same address as the app, with nothing in it, and without the app's policy. */
async function blank(policy = ""): Promise<{ page: Page; watch: Watch }> {
  const { context, watch } = await stage.context();
  await context.route("**/blank", (route) =>
    route.fulfill({
      contentType: "text/html",
      headers: policy === "" ? {} : { "content-security-policy": policy },
      body: "<!doctype html><meta charset=utf-8><title>blank</title><link rel=icon href=data:,><body></body>",
    }),
  );
  const page = await context.newPage();
  await page.goto(`${stage.server.address}/blank`);
  expect(watch.troubles).toEqual([]);
  return { page, watch };
}

const inject = (page: Page, html: string) =>
  page.evaluate((text) => {
    document.body.innerHTML = text;
  }, html);

const CASES: readonly (readonly [string, string])[] = [
  ["marker", "<img src=data:, onerror='window.__xss=1'>"],
  ["dialog", "<img src=data:, onerror='alert(1)'>"],
  ["handler", "<b onclick='1'>x</b>"],
  ["link", "<a href='java&#x09;script:window.__xss=1'>x</a>"],
  ["link", "<a href='data:text/html,x'>x</a>"],
  ["link", "<a href='https://example.org' target=_blank>x</a>"],
  ["element", "<iframe></iframe>"],
  ["element", "<svg><animate attributeName=href></svg>"],
  ["element", "<style>b{}</style>"],
  ["address", "<form action='/x'></form>"],
  ["style", "<b style='background:url(/x.png)'>x</b>"],
  ["clobbering", "<b id=attributes>x</b>"],
  ["foreign request", "<img src='http://127.0.0.1:9/x.png'>"],
];

test("each kind of trouble is told of", async () => {
  const { page, watch } = await blank();
  for (const [kind, html] of CASES) {
    const before = watch.troubles.length;
    await inject(page, html);
    await eventually(async () => watch.troubles.slice(before).map((trouble) => trouble.kind)).toContain(kind);
  }
  watch.allow(/./);
});

test("a violation of the policy, a console error, a page error", async () => {
  const { page, watch } = await blank("img-src data:");
  await inject(page, "<img src='http://127.0.0.1:9/x.png'>");
  await page.evaluate(() => {
    setTimeout(() => {
      throw new Error("thrown by the test");
    });
  });
  await eventually(async () => new Set(watch.troubles.map((trouble) => trouble.kind))).toEqual(
    new Set(["csp", "address", "console", "page error", "foreign request", "request"]),
  );
  watch.allow(/./);
});
