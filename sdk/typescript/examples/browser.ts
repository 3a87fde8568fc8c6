/** Logs in, shows a conversation, says something: all of it in the browser. */

import { Accounts, Client, TokenKeeper } from "@skein/client";

export async function start(address: string, username: string, password: string): Promise<Client> {
  // Who is logged in here stays so over a reload.
  const keeper = TokenKeeper.open({ address });
  if (keeper.userId === undefined) {
    const device = {
      platform: "web",
      name: navigator.userAgent,
      ...(keeper.deviceId && { deviceId: keeper.deviceId }),
    } as const;
    keeper.save(await new Accounts(address).logIn({ username, password, device }));
  }
  const client = new Client({ address, userId: keeper.userId ?? "" });
  client.on("message", ({ conversation, message }) => {
    if (message.content.type === "text") notify(conversation.displayTitle, message.content.text);
  });
  client.on("closed", () => keeper.clear());
  // Shows what is stored at once; the connection comes in the background, and comes back whenever it is lost.
  await client.connect(keeper.provider);
  return client;
}

export async function say(client: Client, userId: string, words: string): Promise<void> {
  // Resolves when it is written down here. It arrives once and in order, also after a reload.
  await client.direct(userId).send({ type: "text", text: words });
}

function notify(title: string, text: string): void {
  document.title = `${title}: ${text}`;
}
