/** A bot that answers everybody with what they said. */

import { Accounts, Client } from "@skein/client";
import WebSocket from "ws";

export async function echo(address: string, username: string, password: string): Promise<Client> {
  const accounts = new Accounts(address);
  const device = { platform: "bot", name: "echo" } as const;
  const login = await accounts.logIn({ username, password, device });
  let { tokens } = login;
  // Node before 22 has no WebSocket of its own; without any, HTTP is used.
  const client = new Client({
    address,
    userId: login.user.userId,
    webSocket: WebSocket as unknown as typeof globalThis.WebSocket,
  });
  client.on("message", ({ conversation, message }) => {
    if (message.content.type !== "text") return;
    void conversation.send({ type: "text", text: message.content.text });
    void conversation.markRead(message.seq);
  });
  await client.connect(async ({ rejected }) => {
    if (tokens.accessToken === rejected || tokens.accessExpiresMs < Date.now()) {
      tokens = await accounts.refresh(tokens.refreshToken);
    }
    return tokens.accessToken;
  });
  return client;
}
