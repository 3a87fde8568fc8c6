/** Runs beside the tests and outlives them: when they are gone, however they went, it ends their servers and removes their data. */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

const pids = new Set();
const folders = new Set();

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [verb, value] = line.split(" ", 2);
    if (verb === "started") pids.add(Number(value));
    if (verb === "ended") pids.delete(Number(value));
    if (verb === "folder") folders.add(value);
  })
  .on("close", () => {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
