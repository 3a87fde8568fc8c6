/** Long histories: sends over one link with as many requests in flight as the server takes. */
import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";
import type { Account, Target } from "./api.ts";

/** Below `limits.requestsInFlightMax` of the welcome. */
const IN_FLIGHT = 200;

interface Answer {
  readonly welcome?: unknown;
  readonly response?: { readonly id: number; readonly error?: { readonly text: string } };
  readonly push?: { readonly linkSeq: string };
  readonly close?: { readonly text: string };
}

/** Sends `count` texts in order; `text` gives the nth, from 1. They are on disk when it resolves. */
export function flood(sender: Account, to: Target, count: number, text: (nth: number) => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = new WebSocket(`${sender.address.replace("http", "ws")}/link`, "skein.v1.json");
    let sent = 0;
    let answered = 0;
    const fill = () => {
      while (sent < count && sent - answered < IN_FLIGHT) {
        sent += 1;
        const message = { clientMessageId: randomUUID(), content: { text: { text: text(sent) } } };
        // Nobody is there yet: who comes later pulls.
        const json = { ...to, ...message, options: { noPush: true, noOwnDevices: true } };
        link.send(JSON.stringify({ request: { id: sent, method: "MessageService/SendMessage", json } }));
      }
    };
    link.on("open", () => link.send(JSON.stringify({ hello: { token: sender.token } })));
    link.on("error", reject);
    link.on("close", (code) => reject(new Error(`the link was closed with ${code} after ${answered} answers`)));
    link.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Answer;
      if (frame.response?.error) return reject(new Error(frame.response.error.text));
      if (frame.push) link.send(JSON.stringify({ ack: frame.push.linkSeq }));
      if (frame.response) answered += 1;
      if (answered < count) return fill();
      link.removeAllListeners("close");
      link.close();
      resolve();
    });
  });
}
