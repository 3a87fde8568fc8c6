/** Builds the tree of a paragraph from its tokens, when it is known what its delimiters pair with. */
import { INLINE_DEPTH_MAX, type Inline } from "./ast";
import type { Token } from "./inline";

const PAIR: Readonly<Record<string, "strong" | "emphasis" | "strike">> = {
  "*1": "emphasis",
  _1: "emphasis",
  "*2": "strong",
  _2: "strong",
  "~2": "strike",
};

interface Open {
  children: Inline[];
  /** Makes the node when it closes; absent: too deep, so the syntax is shown as it is. */
  wrap?: (children: Inline[]) => Inline;
}

/** Builds the tree; what nests deeper than the limit stays text. */
class TreeBuilder {
  private readonly stack: Open[] = [{ children: [] }];

  build(tokens: readonly Token[]): Inline[] {
    for (const token of tokens) this.add(token);
    return this.stack[0]?.children ?? [];
  }

  private get top(): Open {
    return this.stack[this.stack.length - 1] ?? { children: [] };
  }

  private add(token: Token): void {
    switch (token.kind) {
      case "text":
        this.text(token.text);
        break;
      case "node":
        this.top.children.push(token.node);
        break;
      case "open":
        this.open("[", (children) => ({
          kind: "link",
          href: token.href,
          auto: false,
          children: children.map(unlinked),
        }));
        break;
      case "close":
        this.close("]");
        break;
      case "delimiter":
        for (const count of token.closes) this.close(token.char.repeat(count));
        if (token.left > 0) this.text(token.char.repeat(token.left));
        for (const count of [...token.opens].reverse()) {
          const kind = PAIR[token.char + count] ?? "emphasis";
          this.open(token.char.repeat(count), (children) => ({ kind, children }));
        }
    }
  }

  private text(text: string): void {
    const children = this.top.children;
    const last = children[children.length - 1];
    if (last?.kind === "text") children[children.length - 1] = { kind: "text", text: last.text + text };
    else children.push({ kind: "text", text });
  }

  private open(literal: string, wrap: (children: Inline[]) => Inline): void {
    if (this.stack.length <= INLINE_DEPTH_MAX) this.stack.push({ children: [], wrap });
    else {
      this.text(literal);
      this.stack.push({ children: this.top.children });
    }
  }

  private close(literal: string): void {
    const closed = this.stack.pop();
    if (closed?.wrap === undefined) this.text(literal);
    else this.top.children.push(closed.wrap(closed.children));
  }
}

/** Inside a link an address is just text. */
function unlinked(node: Inline): Inline {
  if (node.kind === "link")
    return { kind: "text", text: node.children.map((child) => ("text" in child ? child.text : "")).join("") };
  if (node.kind === "strong" || node.kind === "emphasis" || node.kind === "strike") {
    return { kind: node.kind, children: node.children.map(unlinked) };
  }
  return node;
}

export function buildTree(tokens: readonly Token[]): Inline[] {
  return new TreeBuilder().build(tokens);
}
