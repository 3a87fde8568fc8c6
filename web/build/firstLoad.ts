/** Adds up what a browser loads before the first page is shown, and fails the build when that has grown too large. */

import type { Plugin, Rolldown } from "vite";
import { brotli } from "./compress.ts";

export function watchFirstLoad(limits: { brotliBytesMax: number }): Plugin {
  return {
    name: "skein-first-load",
    apply: "build",
    // As the very last: the styles are attached to their chunks only when all others are done.
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        let scripts = 0;
        let styles = 0;
        for (const name of firstLoad(bundle)) {
          const file = bundle[name];
          if (file === undefined) continue;
          const bytes = brotli(Buffer.from(file.type === "chunk" ? file.code : file.source)).length;
          if (file.type === "chunk") scripts += bytes;
          else styles += bytes;
        }
        const kilobytes = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`;
        this.info(`first load, brotli: scripts ${kilobytes(scripts)}, styles ${kilobytes(styles)}`);
        if (scripts + styles > limits.brotliBytesMax) {
          this.error(`the first load is over its limit of ${kilobytes(limits.brotliBytesMax)}`);
        }
      },
    },
  };
}

/** Names of the entry chunks, of all that they import at once, and of their styles. */
function firstLoad(bundle: Rolldown.OutputBundle): Set<string> {
  const names = new Set<string>();
  const visit = (name: string) => {
    const file = bundle[name];
    if (file?.type !== "chunk" || names.has(name)) return;
    names.add(name);
    for (const style of file.viteMetadata?.importedCss ?? []) names.add(style);
    for (const next of file.imports) visit(next);
  };
  for (const [name, file] of Object.entries(bundle)) {
    if (file.type === "chunk" && file.isEntry) visit(name);
  }
  return names;
}
