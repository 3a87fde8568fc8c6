/** Addresses in text: where they begin and end, and which are refused. */
import { describe, expect, it } from "vitest";
import { findLinks, safeHref } from "./links";

const found = (text: string) => findLinks(text).map((link) => text.slice(link.start, link.end));

describe("findLinks", () => {
  it.each([
    ["see https://a.example.", ["https://a.example"]],
    ["(https://a.example/x)", ["https://a.example/x"]],
    ["https://a.example/wiki/X_(y)", ["https://a.example/wiki/X_(y)"]],
    ["(https://a.example/wiki/X_(y)), ok?", ["https://a.example/wiki/X_(y)"]],
    ["https://a.example/a?b=c&d=%20#e!", ["https://a.example/a?b=c&d=%20#e"]],
    ["看https://a.example/路径，好的。", ["https://a.example/路径"]],
    ["https://a.example。下一句", ["https://a.example"]],
    ["（https://a.example）", ["https://a.example"]],
    ["“https://a.example/x”", ["https://a.example/x"]],
    ["请访问https://a.example查看", ["https://a.example"]],
    ["https://例子.example/中", ["https://例子.example/中"]],
    ["http://a.example http://b.example", ["http://a.example", "http://b.example"]],
    ["HTTPS://A.EXAMPLE", ["HTTPS://A.EXAMPLE"]],
    ["mailto:a@b.example", ["mailto:a@b.example"]],
    ["https://a.example/\u202etxt.exe", ["https://a.example/"]],
    ["https://a.example\u200b/x", ["https://a.example"]],
    ['<a href="https://a.example">', ["https://a.example"]],
    ["https://user:pw@a.example/", ["https://user:pw@a.example/"]],
    ["http://localhost:8080/x", ["http://localhost:8080/x"]],
    ["https://a.example...", ["https://a.example"]],
  ])("%s", (text, links) => expect(found(text)).toEqual(links));

  it.each([
    "a.example",
    "www.a.example",
    "ftp://a.example",
    "javascript:alert(1)",
    "http://",
    "https:// a",
    "xhttp://a.example",
    "data:text/html,x",
    "mailto:",
    "mailto:nobody",
    "file:///etc/passwd",
    "://",
    "http:/a",
  ])("no link in %s", (text) => expect(found(text)).toEqual([]));

  it("is linear", () => {
    for (const piece of ["http://", "https://a", "https://a(", "mailto:", "h"]) {
      const began = performance.now();
      findLinks(piece.repeat(100_000 / piece.length));
      expect(performance.now() - began).toBeLessThan(1000);
    }
  });
});

describe("safeHref", () => {
  it("allows three schemes", () => {
    expect(safeHref("https://a.example")).toBe("https://a.example/");
    expect(safeHref("mailto:a@b.example")).toBe("mailto:a@b.example");
    for (const bad of [
      "javascript:alert(1)",
      " https://a.example",
      "java\nscript:x",
      "//a.example",
      "/x",
      "blob:x",
      "vbscript:x",
      "http://",
    ]) {
      expect(safeHref(bad)).toBeUndefined();
    }
    expect(safeHref(`https://a.example/${"x".repeat(3000)}`)).toBeUndefined();
  });
});
