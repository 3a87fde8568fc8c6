/** Finds web and mail addresses in text. Only those with a scheme: a bare domain is just text. */

export interface FoundLink {
  readonly href: string;
  readonly start: number;
  readonly end: number;
}

const SCHEME = /(?:https?:\/\/|mailto:)/gi;
const URL_CHARS_MAX = 2048;

/** White space, controls, bidi marks, quotes, and the punctuation of Chinese, Japanese and Korean end an address. */
const ENDS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must not get into an address
  /[\u0000-\u0020\u007f-\u00a0"<>\\^`|\u061c\u1680\u2000-\u200f\u2014\u2018-\u201f\u2026-\u202f\u2039\u203a\u205f-\u206f\u3000-\u303f\ufe10-\ufe1f\ufe30-\ufe4f\ufeff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/;
const TRAILING = /[.,;:!?'*_~([{]/;
const CJK = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]/;
const WORD = /[A-Za-z0-9]/;
const CLOSES: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/** The address as it may be opened, or undefined when it is not http, https or mailto, or not an address at all. */
export function safeHref(text: string): string | undefined {
  if (text.length > URL_CHARS_MAX || !/^(?:https?:\/\/|mailto:)/i.test(text)) return undefined;
  try {
    const url = new URL(text);
    if (url.protocol === "mailto:") return url.pathname.includes("@") ? url.href : undefined;
    if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
    return url.hostname === "" ? undefined : url.href;
  } catch {
    return undefined;
  }
}

/** Where the run of address characters that begins at `start` ends, before `limit`. */
function runEnd(text: string, start: number, hostStart: number, limit: number): number {
  const open: Record<string, number> = { "(": 0, "[": 0, "{": 0 };
  let inHost = hostStart >= 0;
  let dots = 0;
  let at = start;
  for (; at < limit; at += 1) {
    const char = text.charAt(at);
    if (ENDS.test(char)) break;
    if (inHost && at >= hostStart) {
      if (char === "/" || char === "?" || char === "#") inHost = false;
      else if (char === ".") dots += 1;
      // "https://example.com查看": the sentence goes on, the host does not.
      else if (dots > 0 && CJK.test(char) && WORD.test(text.charAt(at - 1))) break;
    }
    const opener = CLOSES[char];
    if (opener !== undefined) {
      const depth = open[opener] ?? 0;
      if (depth === 0) break;
      open[opener] = depth - 1;
    } else if (char in open) open[char] = (open[char] ?? 0) + 1;
  }
  return at;
}

/** Takes punctuation that belongs to the sentence off the end, and brackets that were opened there but not closed. */
function trimmedEnd(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && TRAILING.test(text.charAt(at - 1))) at -= 1;
  return at;
}

/**
 * The address that begins exactly at `start`; `end` of the answer says how far to skip, found or not.
 * Reads each character once.
 */
export function linkAt(text: string, start: number, limit: number): { href: string | undefined; end: number } {
  const scheme = /^(?:https?:\/\/|mailto:)/i.exec(text.slice(start, start + 8))?.[0];
  if (scheme === undefined || (start > 0 && WORD.test(text.charAt(start - 1)))) return { href: undefined, end: start };
  const hostStart = scheme.endsWith("//") ? start + scheme.length : -1;
  const end = trimmedEnd(text, start + scheme.length, runEnd(text, start, hostStart, limit));
  const href = safeHref(text.slice(start, end));
  return { href, end: Math.max(end, start + scheme.length) };
}

/** All addresses of a text, in order. */
export function findLinks(text: string): FoundLink[] {
  const found: FoundLink[] = [];
  SCHEME.lastIndex = 0;
  for (let match = SCHEME.exec(text); match !== null; match = SCHEME.exec(text)) {
    const { href, end } = linkAt(text, match.index, text.length);
    if (href !== undefined) found.push({ href, start: match.index, end });
    if (end > match.index) SCHEME.lastIndex = end;
  }
  return found;
}
