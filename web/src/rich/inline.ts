/** Inline markdown: the lines of a paragraph become tokens, then a tree. Linear in the length of the text. */
import type { Atom, Inline } from "./ast";
import { pairDelimiters } from "./delimiters";
import { linkAt, safeHref } from "./links";
import { buildTree } from "./tree";

/** A slice of the source; a paragraph is one for each of its lines. */
export interface Line {
  readonly start: number;
  readonly end: number;
}

export type Token =
  | { kind: "text"; text: string }
  | { kind: "node"; node: Inline }
  | { kind: "open"; href: string }
  | { kind: "close" }
  | Delimiter;

/** A run of `*`, `_` or `~~`, and what became of it. */
export interface Delimiter {
  kind: "delimiter";
  char: string;
  /** How many of the run are not part of a pair. */
  left: number;
  canOpen: boolean;
  canClose: boolean;
  /** Counts of the pairs that it begins and ends, the innermost first. */
  opens: number[];
  closes: number[];
}

const ESCAPABLE = /[\\`*_~[\]()>#+\-.!@]/;
const SPACE = /\s/;
const WORD = /[A-Za-z0-9]/;
const LETTER = /[\p{L}\p{N}]/u;
const HREF_CHARS_MAX = 1024;

/** The destination of `](…)` whose "(" is at `at`. */
function destination(source: string, at: number, limit: number): { href: string; end: number } | undefined {
  let depth = 0;
  const end = Math.min(limit, at + HREF_CHARS_MAX);
  for (let i = at + 1; i < end; i += 1) {
    const char = source.charAt(i);
    if (SPACE.test(char) || char === "<" || char === "[") return undefined;
    if (char === "(") depth += 1;
    else if (char === ")") {
      if (depth > 0) depth -= 1;
      else {
        const href = safeHref(source.slice(at + 1, i));
        return href === undefined ? undefined : { href, end: i + 1 };
      }
    }
  }
  return undefined;
}

/** For each run of backticks in the line, where the next run of the same length begins. */
function codeEnds(source: string, line: Line): Map<number, number> {
  const runs: { at: number; length: number }[] = [];
  for (let i = source.indexOf("`", line.start); i >= 0 && i < line.end; i = source.indexOf("`", i)) {
    let end = i;
    while (end < line.end && source[end] === "`") end += 1;
    runs.push({ at: i, length: end - i });
    i = end;
  }
  const ends = new Map<number, number>();
  const next = new Map<number, number>();
  for (const run of runs.reverse()) {
    const end = next.get(run.length);
    if (end !== undefined) ends.set(run.at, end);
    next.set(run.length, run.at);
  }
  return ends;
}

function delimiter(source: string, at: number, end: number, line: Line): Delimiter {
  const char = source.charAt(at);
  const before = at > line.start ? source.charAt(at - 1) : " ";
  const after = end < line.end ? source.charAt(end) : " ";
  // Inside a word or a calculation these are just characters; next to Chinese they do mark up.
  const word = char === "_" ? LETTER : WORD;
  return {
    kind: "delimiter",
    char,
    left: end - at,
    canOpen: !SPACE.test(after) && !word.test(before),
    canClose: !SPACE.test(before) && !word.test(after),
    opens: [],
    closes: [],
  };
}

/** Reads one line into tokens; `atoms` are those of the whole source, in order. */
class LineReader {
  private readonly brackets: number[] = [];
  private readonly codes: Map<number, number>;
  private textFrom: number;

  constructor(
    private readonly source: string,
    private readonly line: Line,
    private readonly tokens: Token[],
  ) {
    this.codes = codeEnds(source, line);
    this.textFrom = line.start;
  }

  read(atoms: readonly Atom[]): void {
    let atom = firstAtom(atoms, this.line.start);
    for (let at = this.line.start; at < this.line.end; ) {
      const next = atoms[atom];
      if (next !== undefined && next.start === at) {
        if (next.end <= this.line.end) {
          at = this.put(at, next.end, {
            kind: "node",
            node: { kind: "mention", userId: next.userId, text: this.source.slice(at, next.end) },
          });
        } else at += 1;
        atom += 1;
      } else at = this.step(at, Math.min(this.line.end, next?.start ?? this.line.end));
    }
    this.flush(this.line.end);
  }

  /** Handles what is at `at`; nothing that it takes reaches over `limit`. Answers where to go on. */
  private step(at: number, limit: number): number {
    const char = this.source.charAt(at);
    switch (char) {
      case "\\":
        if (at + 1 < limit && ESCAPABLE.test(this.source.charAt(at + 1))) {
          return this.put(at, at + 2, { kind: "text", text: this.source.charAt(at + 1) });
        }
        return at + 1;
      case "`":
        return this.code(at, limit);
      case "*":
      case "_":
      case "~":
        return this.run(at, limit);
      case "[":
        this.brackets.push(this.tokens.length + (this.textFrom < at ? 1 : 0));
        return this.put(at, at + 1, { kind: "text", text: "[" });
      case "]":
        return this.bracket(at, limit);
      case "h":
      case "H":
      case "m":
      case "M": {
        const { href, end } = linkAt(this.source, at, limit);
        if (href === undefined) return Math.max(end, at + 1);
        const text = this.source.slice(at, end);
        return this.put(at, end, {
          kind: "node",
          node: { kind: "link", href, auto: true, children: [{ kind: "text", text }] },
        });
      }
      default:
        return at + 1;
    }
  }

  private code(at: number, limit: number): number {
    let from = at;
    while (from < limit && this.source[from] === "`") from += 1;
    const end = this.codes.get(at);
    if (end === undefined || end > limit) return from;
    let text = this.source.slice(from, end);
    if (/^ .*[^ ].* $/.test(text)) text = text.slice(1, -1);
    return this.put(at, end + (from - at), { kind: "node", node: { kind: "code", text } });
  }

  private run(at: number, limit: number): number {
    let end = at;
    while (end < limit && this.source[end] === this.source[at]) end += 1;
    const length = end - at;
    if (this.source[at] === "~" ? length !== 2 : length > 3) return end;
    return this.put(at, end, delimiter(this.source, at, end, this.line));
  }

  private bracket(at: number, limit: number): number {
    const open = this.brackets.pop();
    if (open === undefined || this.source[at + 1] !== "(") return at + 1;
    const found = destination(this.source, at + 1, limit);
    if (found === undefined) return at + 1;
    this.flush(at);
    if (this.tokens.length === open + 1) return at + 1;
    this.tokens[open] = { kind: "open", href: found.href };
    // A link holds no other link.
    this.brackets.length = 0;
    return this.put(at, found.end, { kind: "close" });
  }

  private put(at: number, next: number, token: Token): number {
    this.flush(at);
    this.tokens.push(token);
    this.textFrom = next;
    return next;
  }

  private flush(to: number): void {
    if (to > this.textFrom) this.tokens.push({ kind: "text", text: this.source.slice(this.textFrom, to) });
    this.textFrom = to;
  }
}

function firstAtom(atoms: readonly Atom[], start: number): number {
  let low = 0;
  let high = atoms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((atoms[middle]?.start ?? 0) < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The inline nodes of a paragraph. */
export function parseInline(source: string, lines: readonly Line[], atoms: readonly Atom[]): Inline[] {
  const tokens: Token[] = [];
  for (const [index, line] of lines.entries()) {
    if (index > 0) tokens.push({ kind: "node", node: { kind: "break" } });
    new LineReader(source, line, tokens).read(atoms);
  }
  pairDelimiters(tokens);
  return buildTree(tokens);
}
