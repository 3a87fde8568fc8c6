/** The transport over a session that this file plays by hand. */

import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { type Frame, FrameSchema } from "../gen/skein/v1/link_pb.js";
import { encodeRecord, Records } from "./records.js";
import { type WebTransportConstructor, webTransport } from "./web_transport.js";

const ping = (timeMs: bigint): Frame => create(FrameSchema, { body: { case: "ping", value: { timeMs } } });

function play(ready: Promise<void>) {
  const [up, down] = [new TransformStream<Uint8Array>(), new TransformStream<Uint8Array>()];
  const made: { url: string; options: unknown }[] = [];
  const state = { closed: false };
  class Played {
    readonly ready = ready;
    readonly closed = new Promise<never>(() => {});
    constructor(url: string, options: unknown) {
      made.push({ url, options });
    }
    async createBidirectionalStream() {
      return { readable: down.readable, writable: up.writable };
    }
    close() {
      state.closed = true;
    }
  }
  const said: string[] = [];
  const frames: Frame[] = [];
  let changed = () => {};
  const told = (text: string) => {
    said.push(text);
    changed();
  };
  const offer = { url: "https://a:1/v1/webtransport", hashes: [new Uint8Array(32)] };
  const connection = webTransport(() => offer, Played as unknown as WebTransportConstructor).connect({
    opened: () => told("opened"),
    frame: (frame) => {
      frames.push(frame);
      told("frame");
    },
    alive: () => told("alive"),
    ended: ({ text }) => told(`ended: ${text}`),
  });
  const until = async (count: number) => {
    while (said.length < count) await new Promise<void>((resolve) => (changed = resolve));
    return said;
  };
  return {
    made,
    state,
    said,
    frames,
    connection,
    until,
    server: down.writable.getWriter(),
    up: up.readable.getReader(),
  };
}

it("frames go both ways, and the end of the stream is the end", async () => {
  const { made, state, frames, connection, until, server, up } = play(Promise.resolve());
  expect(await until(1)).toEqual(["opened"]);
  expect(made).toEqual([
    {
      url: "https://a:1/v1/webtransport",
      options: { serverCertificateHashes: [{ algorithm: "sha-256", value: new Uint8Array(32) }] },
    },
  ]);
  connection.send(ping(7n));
  const { value } = await up.read();
  expect(new Records().take(value ?? new Uint8Array())).toEqual([ping(7n)]);
  const both = new Uint8Array([...encodeRecord(ping(1n)), ...encodeRecord(ping(2n))]);
  await server.write(both.subarray(0, 5));
  await server.write(both.subarray(5));
  await until(3);
  expect(frames).toEqual([ping(1n), ping(2n)]);
  await server.close();
  expect((await until(4)).at(-1)).toBe("ended: the stream ended");
  expect(state.closed).toBe(true);
});

it("what cannot be opened, and what is no frame, ends it once", async () => {
  const refused = play(Promise.reject(new Error("no UDP")));
  expect(await refused.until(1)).toEqual(["ended: Error: no UDP"]);
  const broken = play(Promise.resolve());
  await broken.until(1);
  await broken.server.write(new Uint8Array([255, 255, 255, 255]));
  expect((await broken.until(2)).at(-1)).toContain("too long");
  broken.connection.send(ping(1n));
  expect(broken.said.length).toBe(2);
});

it("says nothing after it was closed", async () => {
  const { said, connection, state } = play(new Promise(() => {}));
  connection.close();
  await new Promise((resolve) => setTimeout(resolve));
  expect([said, state.closed]).toEqual([[], false]);
});
