/** Unit tests beside the code; tests/ drives a real server. */

import { defineConfig } from "vitest/config";

export default defineConfig({
  // The examples import the package as applications do.
  resolve: { alias: { "@skein/client": `${import.meta.dirname}/src/index.ts` } },
  test: { include: ["src/**/*.test.ts", "tests/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 30_000 },
});
