import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { FrameSchema } from "../gen/skein/v1/link_pb.js";
import { encodeRecord, Records } from "./records.js";

const ping = (timeMs: bigint) => create(FrameSchema, { body: { case: "ping", value: { timeMs } } });

it("frames come out whole, however the stream is cut", () => {
  const sent = Array.from({ length: 20 }, (_, at) => ping(BigInt(at) ** 7n));
  const bytes = sent.flatMap((frame) => [...encodeRecord(frame)]);
  for (const size of [1, 2, 3, 7, 64, bytes.length]) {
    const records = new Records();
    const got = [];
    for (let at = 0; at < bytes.length; at += size) {
      // A view into something larger, as streams give them.
      const piece = new Uint8Array([9, ...bytes.slice(at, at + size), 9]).subarray(1, -1);
      got.push(...records.take(piece));
    }
    expect(got).toEqual(sent);
  }
});

it("a length that no frame has, and bytes that are no frame, are refused", () => {
  expect(() => new Records().take(new Uint8Array([0, 4, 0, 1]))).toThrow("too long");
  expect(() => new Records().take(new Uint8Array([0, 0, 0, 2, 255, 255]))).toThrow();
});
