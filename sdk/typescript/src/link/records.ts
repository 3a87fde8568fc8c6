/** Frames in a stream of bytes: each behind its length, 4 bytes, big-endian. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Frame, FrameSchema } from "../gen/skein/v1/link_pb.js";

const PREFIX_BYTES = 4;
/** Largest frame that a server sends. */
export const RECORD_BYTES_MAX = 256 * 1024;

export function encodeRecord(frame: Frame): Uint8Array<ArrayBuffer> {
  const payload = toBinary(FrameSchema, frame);
  const record = new Uint8Array(PREFIX_BYTES + payload.length);
  new DataView(record.buffer).setUint32(0, payload.length);
  record.set(payload, PREFIX_BYTES);
  return record;
}

/** Takes pieces of a stream, gives the frames that are whole. */
export class Records {
  #rest = new Uint8Array(0);

  /** Throws when what comes are no frames. */
  take(piece: Uint8Array): readonly Frame[] {
    const bytes = this.#rest.length === 0 ? piece : joined(this.#rest, piece);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= PREFIX_BYTES) {
      const length = view.getUint32(at);
      if (length > RECORD_BYTES_MAX) throw new Error("a frame is too long");
      const end = at + PREFIX_BYTES + length;
      if (end > bytes.length) break;
      frames.push(fromBinary(FrameSchema, bytes.subarray(at + PREFIX_BYTES, end)));
      at = end;
    }
    this.#rest = bytes.slice(at);
    return frames;
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
