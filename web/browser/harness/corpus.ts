/** The corpus of hostile texts, and every way in which one can be stored on a server. */
import corpus from "../corpus/xss.json" with { type: "json" };
import { type Account, eachOf, type Sent, type WireContent } from "./api.ts";

export const payloads: readonly string[] = Object.values(corpus).flat();

/** The same few characters over and over, up to what the server takes as one text. */
export const huge: readonly string[] = [
  "[",
  "](",
  "![[",
  "**_`",
  "> - 1. ",
  "* a\n",
  "```\n",
  "\n",
  "<div><b>",
  "https://a.b/(",
  "@",
  "\u202e\u2066",
  "Z\u0351\u036b",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
  "W",
].map((piece) => piece.repeat(Math.floor(32_000 / Buffer.byteLength(piece))));

/** As much of it as the server takes for a name; undefined when nothing is left. */
export function asName(payload: string): string | undefined {
  const name = [...payload.replace(/\p{Cc}/gu, " ")].slice(0, 64).join("").trim();
  return name === "" ? undefined : name;
}

/** What is compared with the screen: white space is the browser's affair. */
export const bare = (text: string): string => text.replace(/\s+/gu, "");

const remote = (payload: string) => ({
  id: "",
  url: `http://127.0.0.1:9/${payload}`,
  mime: "image/png",
  name: payload,
  bytes: 12,
});

/** The contents that carry a payload in each of their fields. `earlier` is a message to reply to. */
function contents(payload: string, earlier: Sent, sender: Account): Readonly<Record<string, WireContent>> {
  const length = [...payload].length;
  const reply = { messageId: earlier.messageId, seq: earlier.seq, senderId: sender.userId, excerpt: payload };
  const json = JSON.stringify({ [payload]: payload });
  const item = (content: WireContent) => ({ senderId: sender.userId, senderName: payload, content });
  const link = { link: { url: payload, title: payload, description: payload, image: remote(payload) } };
  return {
    text: { text: { text: payload, entities: [{ offset: 0, length, kind: "url", value: payload }] } },
    markdown: { markdown: { text: payload } },
    markdownLink: { markdown: { text: `[${payload}](${payload}) ![${payload}](${payload}) <${payload}>` } },
    reply: { text: { text: "a reply" }, reply },
    mention: {
      text: { text: `@${payload}` },
      mentions: [
        { userId: sender.userId, offset: 0, length: length + 1 },
        { userId: sender.userId, offset: 1, length: 1_000_000 },
      ],
    },
    link,
    card: { card: { userId: sender.userId, title: payload, subtitle: payload, avatar: payload, url: payload } },
    file: { file: { media: { ...remote(payload), mime: payload } } },
    image: { image: { media: remote(payload), width: 4, height: 4_000_000 } },
    video: { video: { media: remote(payload), durationMs: 1, width: 0, height: 0, poster: remote(payload) } },
    voice: { voice: { media: remote(payload), durationMs: 4_000_000_000 } },
    location: { location: { latitude: 1, longitude: 2, name: payload, address: payload } },
    sticker: { sticker: { pack: payload, name: payload, media: remote(payload) } },
    merged: { merged: { title: payload, items: [item({ text: { text: payload } }), item(link)] } },
    custom: { custom: { type: "acme.order", json, summary: payload }, extra: json },
  };
}

/** In how many kinds of content a payload is sent. */
export const KINDS = 15;

/** Sends every payload in every kind of content; gives the payload of each plain text by its seq. */
export async function sendAll(sender: Account, receiver: Account): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  const earlier = await sender.send(receiver, "an earlier message");
  await eachOf(payloads, async (payload) => {
    for (const [kind, content] of Object.entries(contents(payload, earlier, sender))) {
      const { seq } = await sender.send(receiver, content);
      if (kind === "text") texts.set(seq, payload);
    }
  });
  return texts;
}
