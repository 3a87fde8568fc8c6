/** Plain text: line breaks, mentions and addresses. */
import type { Atom, Inline } from "./ast";
import { findLinks } from "./links";

function pushLines(nodes: Inline[], text: string): void {
  for (const [index, line] of text.split("\n").entries()) {
    if (index > 0) nodes.push({ kind: "break" });
    if (line !== "") nodes.push({ kind: "text", text: line });
  }
}

/** The inline nodes of a text without markdown. A mention wins over an address that overlaps it. */
export function parsePlain(source: string, atoms: readonly Atom[] = []): Inline[] {
  const nodes: Inline[] = [];
  const links = findLinks(source).filter(
    (link) => !atoms.some((atom) => atom.start < link.end && link.start < atom.end),
  );
  const pieces = [...links.map((link) => ({ ...link, userId: "" })), ...atoms.map((atom) => ({ ...atom, href: "" }))];
  pieces.sort((a, b) => a.start - b.start);
  let at = 0;
  for (const piece of pieces) {
    pushLines(nodes, source.slice(at, piece.start));
    const text = source.slice(piece.start, piece.end);
    if (piece.href === "") nodes.push({ kind: "mention", userId: piece.userId, text });
    else nodes.push({ kind: "link", href: piece.href, auto: true, children: [{ kind: "text", text }] });
    at = piece.end;
  }
  pushLines(nodes, source.slice(at));
  return nodes;
}
