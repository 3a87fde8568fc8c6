/** Makes a PNG smaller without touching a pixel: flat surfaces and text compress best unfiltered. */
import { crc32, deflateSync, inflateSync } from "node:zlib";

const HEAD_BYTES = 8;

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = HEAD_BYTES; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

function written({ type, data }: Chunk): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** What the Paeth filter takes for the likeliest of its three neighbours. */
function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [byLeft, byUp, byCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (byLeft <= byUp && byLeft <= byCorner) return left;
  return byUp <= byCorner ? up : corner;
}

/** Turns filtered lines, each behind the number of its filter, into plain ones. */
function unfiltered(lines: Buffer, lineBytes: number, pixelBytes: number): Buffer {
  const plain = Buffer.from(lines);
  const at = (start: number, x: number) => (start < 0 || x < 0 ? 0 : (plain[start + x] ?? 0));
  for (let start = 1, above = -1; start < plain.length; above = start, start += lineBytes + 1) {
    const filter = plain[start - 1];
    plain[start - 1] = 0;
    if (filter === 0) continue;
    for (let x = 0; x < lineBytes; x += 1) {
      const [left, up] = [at(start, x - pixelBytes), at(above, x)];
      const guesses = [0, left, up, (left + up) >> 1, paeth(left, up, at(above, x - pixelBytes))];
      plain[start + x] = (at(start, x) + (guesses[filter ?? 0] ?? 0)) & 255;
    }
  }
  return plain;
}

export function shrunk(png: Buffer): Buffer {
  const chunks = chunksOf(png);
  const lines = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data)));
  const header = chunks[0]?.data ?? Buffer.alloc(13);
  const pixelBytes = header[9] === 6 ? 4 : 3;
  const pixels = unfiltered(lines, header.readUInt32BE(0) * pixelBytes, pixelBytes);
  const at = chunks.findIndex(({ type }) => type === "IDAT");
  const rest = chunks.filter(({ type }) => type !== "IDAT");
  rest.splice(at, 0, { type: "IDAT", data: deflateSync(pixels, { level: 9, memLevel: 9 }) });
  const small = Buffer.concat([png.subarray(0, HEAD_BYTES), ...rest.map(written)]);
  return small.length < png.length ? small : png;
}
