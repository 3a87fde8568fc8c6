/** How the web app is built: plain files for the server to embed, nothing inline, compressed beforehand. */

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { compressOutput } from "./build/compress.ts";
import { watchFirstLoad } from "./build/firstLoad.ts";

/** The server that the development server passes requests on to. */
const server = process.env.SKEIN_SERVER ?? "http://127.0.0.1:7700";

export default defineConfig({
  base: "/",
  plugins: [react(), watchFirstLoad({ brotliBytesMax: 200 * 1024 }), compressOutput()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    cssTarget: ["chrome123", "firefox128", "safari17.5"],
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  server: {
    proxy: {
      "/link": { target: server, ws: true },
      "/v1": { target: server },
      "^/skein\\.v1\\.": { target: server },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
