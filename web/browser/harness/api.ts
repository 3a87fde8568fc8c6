/** The server's HTTP interface, for what a story needs before its first page, and for the truth to compare pages with. */
import { randomUUID } from "node:crypto";

export interface WireMessage {
  readonly messageId: string;
  readonly conversationId: string;
  readonly seq: string;
  readonly senderId: string;
  readonly clientMessageId: string;
  readonly content?: Readonly<Record<string, unknown>>;
  readonly state: string;
}
export interface Sent {
  readonly messageId: string;
  readonly conversationId: string;
  readonly seq: string;
}
export type Target = { readonly userId: string } | { readonly conversationId: string };
export type WireContent = Readonly<Record<string, unknown>>;

export const PASSWORD = "correct horse battery";

export async function call<T>(address: string, method: string, body: unknown, token?: string): Promise<T> {
  const answer = await fetch(`${address}/skein.v1.${method}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} was answered with ${answer.status}: ${text}`);
  return JSON.parse(text) as T;
}

/** Somebody with an account, and a device of their own that no page knows. */
export class Account {
  private constructor(
    readonly address: string,
    readonly userId: string,
    readonly username: string,
    readonly displayName: string,
    readonly token: string,
  ) {}

  static async register(
    address: string,
    username: string,
    displayName = username,
    device = { platform: "PLATFORM_BOT", name: "seed" },
  ): Promise<Account> {
    const answer = await call<{ user: { userId: string }; tokens: { accessToken: string } }>(
      address,
      "AccountService/Register",
      { username, password: PASSWORD, displayName, device },
    );
    return new Account(address, answer.user.userId, username, displayName, answer.tokens.accessToken);
  }

  call<T>(method: string, body: unknown): Promise<T> {
    return call<T>(this.address, method, body, this.token);
  }

  /** Another device of the same person, as it is named in the list of devices. */
  async logInElsewhere(name: string): Promise<void> {
    const device = { platform: "PLATFORM_DESKTOP", name };
    await call(this.address, "AccountService/LogIn", { username: this.username, password: PASSWORD, device });
  }

  send(to: Target | Account, content: string | WireContent): Promise<Sent> {
    const body = typeof content === "string" ? { text: { text: content } } : content;
    const target = to instanceof Account ? { userId: to.userId } : to;
    return this.call<Sent>("MessageService/SendMessage", { ...target, clientMessageId: randomUUID(), content: body });
  }

  async createGroup(name: string, members: readonly Account[]): Promise<string> {
    const answer = await this.call<{ group: { conversationId: string } }>("GroupService/CreateGroup", {
      name,
      userIds: members.map((member) => member.userId),
      clientGroupId: randomUUID(),
    });
    return answer.group.conversationId;
  }

  async markRead(conversationId: string, seq: number): Promise<void> {
    await this.call("ReceiptService/MarkRead", { conversationId, seq });
  }

  /** The id of the one-to-one conversation with somebody. */
  async directWith(other: Account): Promise<string> {
    const answer = await this.call<{ entry: { conversationId: string } }>("ConversationService/GetConversation", {
      userId: other.userId,
    });
    return answer.entry.conversationId;
  }

  /** All messages of a conversation as the server has them, oldest first. */
  async history(conversationId: string): Promise<WireMessage[]> {
    const all: WireMessage[] = [];
    for (let beforeSeq: string | undefined; ; ) {
      const page = await this.call<{ messages?: WireMessage[]; hasMore?: boolean }>("SyncService/ListHistory", {
        conversationId,
        ...(beforeSeq === undefined ? {} : { beforeSeq }),
        limit: 200,
      });
      const messages = page.messages ?? [];
      all.push(...messages);
      beforeSeq = messages.at(-1)?.seq;
      if (!page.hasMore || beforeSeq === undefined) return all.reverse();
    }
  }

  /** The texts of `history`, in order. */
  async texts(conversationId: string): Promise<string[]> {
    const messages = await this.history(conversationId);
    return messages.flatMap((message) => {
      const text = (message.content?.text as { text?: string } | undefined)?.text;
      return text === undefined ? [] : [text];
    });
  }
}

/** Runs one piece of work per item, a few at a time, and keeps the order of the answers. */
export async function eachOf<T, R>(
  items: readonly T[],
  work: (item: T, at: number) => Promise<R>,
  width = 8,
): Promise<R[]> {
  const answers: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < items.length; at = next++) answers[at] = await work(items[at] as T, at);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return answers;
}
