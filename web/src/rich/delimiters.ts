/** Pairs the runs of `*`, `_` and `~~` of a paragraph. */
import type { Delimiter, Token } from "./inline";

const WORDS = /[\p{L}\p{N}\u{2000}-\u{10ffff}]/u;

interface Opener {
  readonly token: Delimiter;
  readonly index: number;
  /** How many tokens with something to show there were before it. */
  readonly shown: number;
}

interface Scope {
  readonly openers: Opener[];
  /** By kind of closer: openers before this token were searched in vain. */
  readonly bottom: Map<string, number>;
}

/** How many characters of the two runs pair: both one, both two, or a part of a run of three. */
function pairCount(opener: Delimiter, closer: Delimiter): number {
  if (opener.char !== closer.char) return 0;
  if (opener.left === closer.left) return opener.left === 3 ? 2 : opener.left;
  if (opener.left === 3) return closer.left;
  return closer.left === 3 ? opener.left : 0;
}

function closePairs(token: Delimiter, scope: Scope, shown: number): void {
  while (token.left > 0) {
    const kind = token.char + token.left;
    const bottom = scope.bottom.get(kind) ?? -1;
    let at = scope.openers.length - 1;
    let count = 0;
    for (; at >= 0; at -= 1) {
      const opener = scope.openers[at];
      if (opener === undefined || opener.index < bottom) {
        at = -1;
        break;
      }
      // Around nothing, or around punctuation only, it is a face and not syntax: "^_^ -_-".
      count = shown > opener.shown ? pairCount(opener.token, token) : 0;
      if (count > 0) break;
    }
    const opener = scope.openers[at];
    if (opener === undefined || count === 0) {
      const last = scope.openers[scope.openers.length - 1];
      scope.bottom.set(kind, (last?.index ?? -1) + 1);
      return;
    }
    opener.token.opens.push(count);
    opener.token.left -= count;
    token.closes.push(count);
    token.left -= count;
    scope.openers.length = opener.token.left > 0 ? at + 1 : at;
  }
}

/**
 * Marks in each delimiter what it opens and closes. Pairs nest, and none crosses the edge of a link.
 * Each search in vain is remembered, so the work is linear.
 */
export function pairDelimiters(tokens: readonly Token[]): void {
  const scopes: Scope[] = [{ openers: [], bottom: new Map() }];
  let shown = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.kind === "open") scopes.push({ openers: [], bottom: new Map() });
    else if (token.kind === "close") scopes.pop();
    if (token.kind !== "delimiter") {
      if (token.kind === "text" ? WORDS.test(token.text) : token.kind !== "node" || token.node.kind !== "break")
        shown += 1;
      continue;
    }
    const scope = scopes[scopes.length - 1];
    if (scope === undefined) continue;
    if (token.canClose) closePairs(token, scope, shown);
    if (token.left > 0 && token.canOpen) scope.openers.push({ token, index, shown });
  }
}
