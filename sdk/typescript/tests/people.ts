/** People of tests: registered on a real server, with a connected client each. */

import WebSocket from "ws";
import {
  Accounts,
  Client,
  type ClientOptions,
  type Conversation,
  type Login,
  type Message,
  type Observable,
} from "../src/index.js";

const WAIT_MS_MAX = 15_000;

/** A text message. */
export const text = (words: string) => ({ type: "text", text: words }) as const;

export interface Person {
  readonly client: Client;
  readonly userId: string;
  readonly username: string;
  readonly accessToken: string;
}

export const PASSWORD = "correct horse";
const DEVICE = { platform: "web", name: "test" } as const;
let count = 0;

/** Registers somebody new and connects. */
export async function join(address: string, name: string, options: Partial<ClientOptions> = {}): Promise<Person> {
  const { username, user, tokens } = await register(address, name);
  const client = connectAs(address, user.userId, options);
  await client.connect(tokens.accessToken);
  return { client, userId: user.userId, username, accessToken: tokens.accessToken };
}

/** A login of somebody new, without a client. */
export async function register(address: string, name: string): Promise<Login & { readonly username: string }> {
  count += 1;
  const username = `${name}${count}`;
  return { username, ...(await new Accounts(address).register({ username, password: PASSWORD, device: DEVICE })) };
}

/** One more client of the same person, on a device of its own. */
export async function again(address: string, person: Person, options: Partial<ClientOptions> = {}): Promise<Person> {
  const { username, userId } = person;
  const { tokens } = await new Accounts(address).logIn({ username, password: PASSWORD, device: DEVICE });
  const client = connectAs(address, userId, options);
  await client.connect(tokens.accessToken);
  return { client, userId, username, accessToken: tokens.accessToken };
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

/** Waits until something holds that cannot be watched. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + WAIT_MS_MAX; !(await holds()); await new Promise((done) => setTimeout(done, 10))) {
    if (Date.now() > end) throw new Error(`waited for ${what}`);
  }
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
  for (let from = firstSeq; from <= lastSeq; from += 50) {
    const to = Math.min(lastSeq, from + 49);
    await history.load(from, to);
    for (let seq = from; seq <= to; seq += 1) {
      const message = history.get(seq);
      if (message === undefined) throw new Error(`seq ${seq} was not loaded`);
      if (message !== null) out.push(message);
    }
  }
  history.close();
  return out;
}

export function textOf(message: Message): string {
  return message.content.type === "text" ? message.content.text : `(${message.content.type})`;
}
