/** How much a browser has to fetch before the app can be used. */
import { expect, test } from "vitest";
import { PASSWORD } from "../harness/api.ts";
import { setTheStage } from "../harness/stage.ts";
import { logIn, openChat, sees } from "../harness/steps.ts";

const stage = setTheStage();
const SCRIPT_BYTES_MAX = 200 * 1024;

test("the scripts of the first load are small", async () => {
  const [ann, bob] = await Promise.all([stage.person("Ann"), stage.account("Bob")]);
  await bob.send(ann.account, "quick, wasn't it?");
  const page = await ann.context.newPage();
  const sizes: Promise<{ path: string; bytes: number; encoding: string }>[] = [];
  page.on("response", (response) => {
    if (response.request().resourceType() !== "script") return;
    const measured = Promise.all([response.request().sizes(), response.headerValue("content-encoding")]);
    const path = new URL(response.url()).pathname;
    sizes.push(
      measured.then(([size, encoding]) => ({ path, bytes: size.responseBodySize, encoding: encoding ?? "none" })),
    );
  });
  await page.goto(stage.server.address);
  await logIn(page, ann.account.username, PASSWORD);
  await openChat(page, "Bob");
  await sees(page, "quick");
  const loaded = await Promise.all(sizes);
  const bytes = loaded.reduce((sum, script) => sum + script.bytes, 0);
  process.stdout.write(`  ${loaded.length} scripts, ${(bytes / 1024).toFixed(1)} KiB compressed, up to an open chat\n`);
  expect(loaded.length).toBeGreaterThan(0);
  for (const script of loaded) if (script.bytes > 2_048) expect(script.encoding, script.path).not.toBe("none");
  expect(bytes).toBeLessThanOrEqual(SCRIPT_BYTES_MAX);
});
