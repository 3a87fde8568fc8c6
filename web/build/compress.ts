/** Writes compressed siblings (.br, .gz) of the built text files, so that the server never compresses anything itself. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const COMPRESSIBLE = /\.(js|css|html|svg|webmanifest)$/;

export function compressOutput(): Plugin {
  let outDir = "dist";
  let failed = false;
  return {
    name: "skein-compress",
    apply: "build",
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir);
    },
    buildEnd(error) {
      failed = error !== undefined;
    },
    closeBundle() {
      if (failed) return;
      for (const name of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
        if (COMPRESSIBLE.test(name)) compress(join(outDir, name));
      }
    },
  };
}

function compress(path: string): void {
  const plain = readFileSync(path);
  writeFileSync(`${path}.br`, brotli(plain));
  writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
}

/** The strongest brotli, told how much is coming. */
export function brotli(plain: Uint8Array): Uint8Array {
  return brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    },
  });
}
