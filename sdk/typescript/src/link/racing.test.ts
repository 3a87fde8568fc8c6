/** The race of WebTransport and WebSocket, with transports that open, fail or are silent. */

import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FrameSchema } from "../gen/skein/v1/link_pb.js";
import { HEAD_START_MS, racing } from "./racing.js";
import type { Transport, TransportEvents, TransportName } from "./transport.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

class Fake implements Transport {
  readonly carriesRequests = true;
  readonly opened: { events: TransportEvents; sent: number; closed: boolean }[] = [];

  constructor(readonly name: TransportName) {}

  connect(events: TransportEvents) {
    const connection = { events, sent: 0, closed: false };
    this.opened.push(connection);
    return {
      send: () => void connection.sent++,
      close: () => {
        connection.closed = true;
      },
    };
  }

  get last() {
    const last = this.opened.at(-1);
    if (last === undefined) throw new Error(`${this.name} was not tried`);
    return last;
  }
}

function bench(offered: boolean) {
  const [quick, sure] = [new Fake("webtransport"), new Fake("websocket")];
  const said: string[] = [];
  const offers = {
    current: offered ? { url: "https://x/v1/webtransport", hashes: [] } : undefined,
    look: async () => void said.push("look"),
    failed: () => void said.push("failed"),
  };
  const connection = racing(quick, sure, offers).connect({
    opened: () => said.push("opened"),
    frame: () => said.push("frame"),
    alive: () => said.push("alive"),
    ended: ({ text }) => said.push(`ended ${text}`),
  });
  return { quick, sure, said, connection };
}

const frame = create(FrameSchema, {});

describe("the race", () => {
  it("is not run where nothing is offered; the server is asked for the next time", () => {
    const { quick, sure, said, connection } = bench(false);
    sure.last.events.opened();
    expect(quick.opened).toEqual([]);
    expect(said).toEqual(["look", "opened"]);
    expect(connection.name).toBe("websocket");
  });

  it("is won by the quick one alone when it opens in time", async () => {
    const { quick, sure, said, connection } = bench(true);
    await vi.advanceTimersByTimeAsync(HEAD_START_MS - 1);
    quick.last.events.opened();
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    expect(sure.opened).toEqual([]);
    connection.send(frame);
    quick.last.events.frame(frame);
    quick.last.events.ended({ text: "gone" });
    expect(quick.last.sent).toBe(1);
    // It worked: that it was lost later is no reason to leave it.
    expect(said).toEqual(["opened", "frame", "ended gone"]);
    expect(connection.name).toBe("webtransport");
  });

  it("is won by the sure one when the quick one is silent, which is remembered", async () => {
    const { quick, sure, said, connection } = bench(true);
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    sure.last.events.opened();
    expect(quick.last.closed).toBe(true);
    quick.last.events.opened();
    quick.last.events.frame(frame);
    sure.last.events.frame(frame);
    expect(said).toEqual(["failed", "look", "opened", "frame"]);
    expect(connection.name).toBe("websocket");
  });

  it("goes on at once when the quick one fails, and ends when both did", async () => {
    const { quick, sure, said } = bench(true);
    quick.last.events.ended({ text: "no UDP" });
    expect(said).toEqual(["failed"]);
    sure.last.events.ended({ text: "no TCP" });
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    expect(sure.opened.length).toBe(1);
    expect(said).toEqual(["failed", "ended no TCP"]);
  });

  it("does not take a session for good on which nothing was heard", () => {
    const { quick, said } = bench(true);
    quick.last.events.opened();
    quick.last.events.ended({ text: "gone" });
    expect(said).toEqual(["opened", "failed", "ended gone"]);
  });

  it("says nothing after it was closed", async () => {
    const { quick, sure, said, connection } = bench(true);
    connection.close();
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    quick.last.events.ended({ text: "late" });
    expect([quick.last.closed, sure.opened.length, said]).toEqual([true, 0, []]);
  });
});
