/** People of tests: registered on a real server, with a connected client each. */

import WebSocket from "ws";
import {
  Accounts,
  Client,
  type ClientOptions,
  type Conversation,
  type Message,
  type Observable,
} from "../src/index.js";

const WAIT_MS_MAX = 15_000;

export interface Person {
  readonly client: Client;
  readonly userId: string;
  readonly username: string;
  readonly accessToken: string;
}

let count = 0;

/** Registers somebody new and connects. */
export async function join(address: string, name: string, options: Partial<ClientOptions> = {}): Promise<Person> {
  count += 1;
  const username = `${name}${count}`;
  const device = { platform: "web", name: "test" } as const;
  const { user, tokens } = await new Accounts(address).register({ username, password: "correct horse", device });
  const client = connectAs(address, user.userId, options);
  await client.connect(tokens.accessToken);
  return { client, userId: user.userId, username, accessToken: tokens.accessToken };
}

/** A client over WebSocket that is not connected yet. */
export function connectAs(address: string, userId: string, options: Partial<ClientOptions> = {}): Client {
  return new Client({ address, userId, webSocket: WebSocket as unknown as typeof globalThis.WebSocket, ...options });
}

/** Waits until a value is as wanted. */
export function until<T>(value: Observable<T>, wanted: (current: T) => boolean, what = "the value"): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`waited for ${what}; it is ${inspect(value.current)}`));
    }, WAIT_MS_MAX);
    const look = () => {
      if (!wanted(value.current)) return;
      clearTimeout(timer);
      stop();
      resolve(value.current);
    };
    const stop = value.subscribe(look);
    look();
  });
}

function inspect(value: unknown): string {
  return JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? String(part) : part))?.slice(0, 500);
}

/** Waits until the client works. */
export async function online(person: { readonly client: Client }): Promise<void> {
  await until(person.client.status, ({ state }) => state === "online", "online");
}

/** All messages of a conversation, oldest first. */
export async function everything(conversation: Conversation): Promise<readonly Message[]> {
  const history = conversation.open();
  const { firstSeq, lastSeq } = history.current;
  const out: Message[] = [];
  for (let from = firstSeq; from <= lastSeq; from += 50) await history.load(from, Math.min(lastSeq, from + 49));
  for (let seq = firstSeq; seq <= lastSeq; seq += 1) {
    const message = history.get(seq);
    if (message === undefined) throw new Error(`seq ${seq} was not loaded`);
    if (message !== null) out.push(message);
  }
  history.close();
  return out;
}

export function textOf(message: Message): string {
  return message.content.type === "text" ? message.content.text : `(${message.content.type})`;
}
