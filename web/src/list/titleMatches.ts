/** Whether a title holds what somebody searches for: every word of it, in any case, accents put aside. */

export function titleMatches(title: string, query: string): boolean {
  const words = plain(query).split(/\s+/);
  const place = plain(title);
  return words.every((word) => place.includes(word));
}

function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase().trim();
}
