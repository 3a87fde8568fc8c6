/** Frames over a WebSocket, in protobuf. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Frame, FrameSchema } from "../gen/skein/v1/link_pb.js";
import type { Connection, Transport, TransportEvents } from "./transport.js";

const SUBPROTOCOL = "skein.v1.proto";

/** The standard constructor; Node before 22 has none and can be given one. */
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocket;

/** `address` is asked for each connection. */
export function webSocketTransport(address: () => string, WebSocketClass: WebSocketConstructor): Transport {
  return {
    name: "websocket",
    carriesRequests: true,
    connect(events) {
      const url = new URL("/link", address());
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      try {
        return connect(new WebSocketClass(url.href, SUBPROTOCOL), events);
      } catch (thrown) {
        // Forbidden here, by a content security policy for one.
        return neverOpened(events, String(thrown));
      }
    },
  };
}

function neverOpened(events: TransportEvents, text: string): Connection {
  let over = false;
  queueMicrotask(() => {
    if (!over) events.ended({ text });
  });
  return {
    send: () => {},
    close() {
      over = true;
    },
  };
}

function connect(socket: WebSocket, events: TransportEvents): Connection {
  socket.binaryType = "arraybuffer";
  let over = false;
  const end = (reason: { closeCode?: number; text: string }) => {
    if (over) return;
    over = true;
    socket.close();
    events.ended(reason);
  };
  socket.onopen = () => {
    if (!over) events.opened();
  };
  socket.onmessage = ({ data }) => {
    if (over) return;
    let frame: Frame;
    try {
      frame = fromBinary(FrameSchema, new Uint8Array(data as ArrayBuffer));
    } catch {
      end({ text: "the server sent something that is not a frame" });
      return;
    }
    events.frame(frame);
  };
  // What went wrong is not said; that it is over comes with the close.
  socket.onerror = () => {};
  socket.onclose = ({ code, reason }) => {
    end({ text: reason, ...(code >= 4000 && code < 4300 ? { closeCode: code } : {}) });
  };
  return {
    send(frame) {
      if (!over && socket.readyState === 1) socket.send(toBinary(FrameSchema, frame) as Uint8Array<ArrayBuffer>);
    },
    close() {
      over = true;
      socket.close(1000);
    },
  };
}
