/** The browser tests: each story drives real pages against a server process of its own. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["stories/*.story.ts", "screenshots.ts"],
    // One browser at a time: two of them on a small machine measure each other.
    fileParallelism: false,
    // What the files share is loaded once; each has its own server and browser all the same.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    reporters: ["verbose"],
  },
});
