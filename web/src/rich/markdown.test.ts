/** Markdown: what is syntax, what is not, and that hostile input stays cheap. */
import { describe, expect, it } from "vitest";
import type { Block, Inline } from "./ast";
import { looksLikeMarkdown, parseMarkdown } from "./blocks";

/** The tree as a short string. */
function show(blocks: readonly Block[]): string {
  const inline = (node: Inline): string => {
    switch (node.kind) {
      case "text":
        return node.text;
      case "break":
        return "⏎";
      case "code":
        return `‹${node.text}›`;
      case "mention":
        return `@{${node.text}}`;
      case "link":
        return `link(${node.href}|${node.children.map(inline).join("")})`;
      case "strong":
        return `B(${node.children.map(inline).join("")})`;
      case "emphasis":
        return `I(${node.children.map(inline).join("")})`;
      case "strike":
        return `S(${node.children.map(inline).join("")})`;
    }
  };
  const block = (node: Block): string => {
    switch (node.kind) {
      case "paragraph":
        return `p:${node.children.map(inline).join("")}`;
      case "code":
        return `code[${node.language}]:${node.text}`;
      case "quote":
        return `q{${show(node.children)}}`;
      case "list":
        return `${node.ordered ? `ol${node.start}` : "ul"}{${node.items.map(show).join(" / ")}}`;
    }
  };
  return blocks.map(block).join(" ¶ ");
}
const md = (text: string) => show(parseMarkdown(text));

describe("inline", () => {
  it.each([
    ["**bold** and *italic* and ~~gone~~", "p:B(bold) and I(italic) and S(gone)"],
    ["__bold__ _it_", "p:B(bold) I(it)"],
    ["***both***", "p:I(B(both))"],
    ["**a *b* c**", "p:B(a I(b) c)"],
    ["**a *b***", "p:B(a I(b))"],
    ["***a* b**", "p:B(I(a) b)"],
    ["**a\nb**", "p:B(a⏎b)"],
    ["`code *not*` *yes*", "p:‹code *not*› I(yes)"],
    ["``a ` b``", "p:‹a ` b›"],
    ["中文**粗体**，后面", "p:中文B(粗体)，后面"],
    ["**“引号”**后面", "p:B(“引号”)后面"],
    ["\\*not\\*", "p:*not*"],
    ["[site](https://a.example/x_(y))", "p:link(https://a.example/x_(y)|site)"],
    ["[**b** `c`](https://a.example)", "p:link(https://a.example/|B(b) ‹c›)"],
    ["[https://b.example](https://a.example)", "p:link(https://a.example/|https://b.example)"],
    ["**https://a.example/x**", "p:B(link(https://a.example/x|https://a.example/x))"],
    ["see https://a.example/a_b_c now", "p:see link(https://a.example/a_b_c|https://a.example/a_b_c) now"],
  ])("%s", (text, tree) => expect(md(text)).toBe(tree));

  it.each([
    "2*3*4=24",
    "2 * 3 * 4",
    "snake_case_name",
    "f(**kwargs) ** 2",
    "*_*",
    "^_^ -_- T_T",
    "~home~ ~ ~",
    "****",
    "[a](javascript:alert(1))",
    "[a](data:text/html,x)",
    "[a](/relative)",
    "[](x)",
    "a*b",
    "`",
    "1.5 is a number",
    "#tag",
    "-5 degrees",
    "* ",
  ])("leaves %s alone", (text) => {
    expect(md(text)).toBe(`p:${text}`);
    expect(looksLikeMarkdown(text)).toBe(false);
  });

  it("keeps a mention whole, whatever is in the name", () => {
    const text = "hi @*star* **@bob**";
    const atoms = [
      { start: 3, end: 10, userId: "1" },
      { start: 13, end: 17, userId: "2" },
    ];
    expect(show(parseMarkdown(text, atoms))).toBe("p:hi @{@*star*} B(@{@bob})");
  });
});

describe("blocks", () => {
  it.each([
    ["```rust\nfn *x*\n\n```\nafter", "code[rust]:fn *x*\n ¶ p:after"],
    ["~~~\na\n```\n~~~", "code[]:a\n```"],
    ["```\nnot closed", "code[]:not closed"],
    ["> a\n> > b\nc", "q{p:a ¶ q{p:b}} ¶ p:c"],
    ["- a\n- b\n  - c\n- d", "ul{p:a / p:b ¶ ul{p:c} / p:d}"],
    ["3. a\n4. b", "ol3{p:a / p:b}"],
    ["- a\n\n- b\n\nc", "ul{p:a / p:b} ¶ p:c"],
    ["- a\n1. b", "ul{p:a} ¶ ol1{p:b}"],
    ["a\nb\n\nc", "p:a⏎b ¶ p:c"],
    ["a\r\nb", "p:a⏎b"],
  ])("%j", (text, tree) => expect(md(text)).toBe(tree));
});

describe("hostile input", () => {
  const size = 100_000;
  const repeat = (piece: string) => piece.repeat(Math.ceil(size / piece.length));
  it.each(
    [
      "*",
      "* a",
      "*a ",
      "**a *",
      "a_ ",
      "_a*",
      "~~a",
      "`",
      "`a``b",
      "[",
      "[a](",
      "[a](b",
      "](",
      "[a](https://b",
      ">",
      "> ",
      "- ",
      "- a\n",
      "1. a\n ",
      "> a\n",
      "- - - a\n",
      "\n",
      " \n",
      "\\",
      "http://",
      "https://a.example/(",
      "http://[",
      "mailto:",
      "<",
      "***a",
      "*a_",
      "a**b",
      "x\u202e",
      "```\n",
      "  ",
      "[![](",
      "&#",
      "@",
    ].map((piece) => [piece]),
  )("%j over and over", (piece) => {
    const text = repeat(piece);
    const began = performance.now();
    const tree = parseMarkdown(text);
    expect(performance.now() - began).toBeLessThan(1000);
    const deepest = (node: unknown, depth = 0): number =>
      node !== null && typeof node === "object"
        ? Object.values(node).reduce<number>((max, value) => Math.max(max, deepest(value, depth + 1)), depth)
        : depth;
    expect(deepest(tree)).toBeLessThan(100);
  });

  it("stops nesting", () => {
    expect(() => md(`${">".repeat(5000)} x`)).not.toThrow();
    expect(() => md(`${"*a ".repeat(5000)}${" b*".repeat(5000)}`)).not.toThrow();
    expect(() => md(`${"[".repeat(5000)}x${"](https://a.example)".repeat(5000)}`)).not.toThrow();
  });
});
