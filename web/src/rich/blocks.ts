/** Block markdown: code blocks, quotes, lists, paragraphs. Each level reads each line once, and levels are limited. */
import { type Atom, BLOCK_DEPTH_MAX, type Block, isPlain } from "./ast";
import { type Line, parseInline } from "./inline";

const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const QUOTE = /^ {0,3}> ?/;
const BULLET = /^( {0,3})([-*])( +)(?=\S)/;
const NUMBER = /^( {0,3})(\d{1,3})([.)])( +)(?=\S)/;
/** A prefix longer than this is no marker; keeps the tests for one cheap on long lines. */
const MARKER_CHARS_MAX = 80;

interface Marker {
  readonly kind: string;
  readonly ordered: boolean;
  readonly start: number;
  readonly width: number;
}

class BlockReader {
  private at = 0;
  private readonly blocks: Block[] = [];

  constructor(
    private readonly source: string,
    private readonly lines: readonly Line[],
    private readonly atoms: readonly Atom[],
    private readonly depth: number,
  ) {}

  read(): Block[] {
    let paragraph: Line[] = [];
    const flush = () => {
      if (paragraph.length > 0) {
        this.blocks.push({ kind: "paragraph", children: parseInline(this.source, paragraph, this.atoms) });
      }
      paragraph = [];
    };
    for (let line = this.lines[this.at]; line !== undefined; line = this.lines[this.at]) {
      if (this.blank(line)) {
        flush();
        this.at += 1;
        continue;
      }
      const container = this.depth < BLOCK_DEPTH_MAX ? this.container(line) : undefined;
      if (container !== undefined) {
        flush();
        this.blocks.push(container());
      } else {
        paragraph.push(line);
        this.at += 1;
      }
    }
    flush();
    return this.blocks;
  }

  private head(line: Line): string {
    return this.source.slice(line.start, Math.min(line.end, line.start + MARKER_CHARS_MAX));
  }

  private blank(line: Line): boolean {
    return this.source.slice(line.start, line.end).trim() === "";
  }

  /** What reads the block that begins with this line, when it is not a paragraph. */
  private container(line: Line): (() => Block) | undefined {
    const head = this.head(line);
    const fence = FENCE.exec(head);
    if (fence !== null) return () => this.fence(fence[1] ?? "```", (fence[2] ?? "").trim());
    if (QUOTE.test(head)) return () => this.quote();
    const marker = this.marker(head);
    if (marker !== undefined) return () => this.list(marker);
    return undefined;
  }

  private fence(opening: string, info: string): Block {
    this.at += 1;
    const inside: string[] = [];
    for (let line = this.lines[this.at]; line !== undefined; line = this.lines[this.at]) {
      this.at += 1;
      const text = this.source.slice(line.start, line.end);
      const closing = text.trim();
      if (closing.length >= opening.length && closing.startsWith(opening) && /^(`+|~+)$/.test(closing)) break;
      inside.push(text);
    }
    return { kind: "code", language: info.split(/\s/, 1)[0]?.slice(0, 30) ?? "", text: inside.join("\n") };
  }

  private quote(): Block {
    const inside: Line[] = [];
    for (let line = this.lines[this.at]; line !== undefined; line = this.lines[this.at]) {
      const prefix = QUOTE.exec(this.head(line))?.[0];
      if (prefix === undefined) break;
      inside.push({ start: line.start + prefix.length, end: line.end });
      this.at += 1;
    }
    return { kind: "quote", children: this.nested(inside) };
  }

  private marker(head: string): Marker | undefined {
    const bullet = BULLET.exec(head);
    if (bullet !== null) return { kind: bullet[2] ?? "-", ordered: false, start: 0, width: bullet[0].length };
    const number = NUMBER.exec(head);
    if (number === null) return undefined;
    return { kind: number[3] ?? ".", ordered: true, start: Number(number[2]), width: number[0].length };
  }

  private list(first: Marker): Block {
    const items: (readonly Block[])[] = [];
    let item: Line[] = [];
    let width = first.width;
    const flush = () => {
      if (item.length > 0) items.push(this.nested(item));
      item = [];
    };
    for (let line = this.lines[this.at]; line !== undefined; line = this.lines[this.at]) {
      const head = this.head(line);
      const marker = this.marker(head);
      const indent = head.length - head.trimStart().length;
      if (item.length > 0 && indent >= Math.min(width, 2) && !this.blank(line)) {
        item.push({ start: line.start + Math.min(indent, width), end: line.end });
      } else if (marker !== undefined && marker.kind === first.kind && marker.ordered === first.ordered) {
        flush();
        width = marker.width;
        item.push({ start: line.start + marker.width, end: line.end });
      } else if (!this.blank(line) || !this.goesOn(first)) break;
      else item.push({ start: line.end, end: line.end });
      this.at += 1;
    }
    flush();
    return { kind: "list", ordered: first.ordered, start: first.start, items };
  }

  /** Whether a list goes on behind one blank line. */
  private goesOn(first: Marker): boolean {
    const next = this.lines[this.at + 1];
    if (next === undefined || this.blank(next)) return false;
    const head = this.head(next);
    const marker = this.marker(head);
    return head.startsWith("  ") || (marker?.kind === first.kind && marker.ordered === first.ordered);
  }

  private nested(lines: readonly Line[]): Block[] {
    return new BlockReader(this.source, lines, this.atoms, this.depth + 1).read();
  }
}

function linesOf(source: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (let end = source.indexOf("\n"); end >= 0; end = source.indexOf("\n", start)) {
    lines.push({ start, end: end > start && source[end - 1] === "\r" ? end - 1 : end });
    start = end + 1;
  }
  lines.push({ start, end: source.length });
  return lines;
}

/** Parses markdown. Any text is valid; what is no syntax is text. */
export function parseMarkdown(source: string, atoms: readonly Atom[] = []): Block[] {
  return new BlockReader(source, linesOf(source), atoms, 0).read();
}

/** Whether the text, read as markdown, is more than its characters. */
export function looksLikeMarkdown(source: string, atoms: readonly Atom[] = []): boolean {
  return /[*_~`>\\]|\]\(|^ {0,3}(?:-|\d{1,3}[.)]) /m.test(source) && !isPlain(parseMarkdown(source, atoms));
}
