/** What a text says after parsing: blocks of inline nodes, plain data for any renderer. */

export type Inline =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "break" }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "mention"; readonly userId: string; readonly text: string }
  | { readonly kind: "link"; readonly href: string; readonly auto: boolean; readonly children: readonly Inline[] }
  | { readonly kind: "strong" | "emphasis" | "strike"; readonly children: readonly Inline[] };

export type Block =
  | { readonly kind: "paragraph"; readonly children: readonly Inline[] }
  | { readonly kind: "code"; readonly language: string; readonly text: string }
  | { readonly kind: "quote"; readonly children: readonly Block[] }
  | {
      readonly kind: "list";
      readonly ordered: boolean;
      readonly start: number;
      readonly items: readonly (readonly Block[])[];
    };

/** A piece of the source that is one thing and never syntax, by UTF-16 offsets. */
export interface Atom {
  readonly start: number;
  readonly end: number;
  readonly userId: string;
}

/** How deep blocks, and inline nodes, go; what is deeper stays text. */
export const BLOCK_DEPTH_MAX = 6;
export const INLINE_DEPTH_MAX = 12;

function inlineIsPlain(node: Inline): boolean {
  return (
    node.kind === "text" || node.kind === "break" || node.kind === "mention" || (node.kind === "link" && node.auto)
  );
}

/** Whether the parsed text looks the same without markdown. */
export function isPlain(blocks: readonly Block[]): boolean {
  return blocks.every((block) => block.kind === "paragraph" && block.children.every(inlineIsPlain));
}

function inlineText(node: Inline): string {
  switch (node.kind) {
    case "break":
      return "\n";
    case "text":
    case "code":
    case "mention":
      return node.text;
    default:
      return node.children.map(inlineText).join("");
  }
}

function blockWords(block: Block): string {
  switch (block.kind) {
    case "paragraph":
      return block.children.map(inlineText).join("");
    case "code":
      return block.text;
    case "quote":
      return wordsOf(block.children);
    case "list":
      return block.items.map(wordsOf).join("\n");
  }
}

/** The words without the syntax: for excerpts and announcements. */
export function wordsOf(blocks: readonly Block[]): string {
  return blocks.map(blockWords).join("\n");
}
