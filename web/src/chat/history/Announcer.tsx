/** Reads out what arrives, shortly. */

import { useEffect, useState } from "react";
import { contentPreview } from "../../list/preview";
import { useText } from "../../text/useText";
import { usePane } from "../pane";

const CHARACTERS_MAX = 120;

export function Announcer() {
  const { client, conversation, me } = usePane();
  const text = useText();
  const [line, setLine] = useState("");
  useEffect(
    () =>
      client.on("message", (event) => {
        if (event.conversation.id !== conversation.id) return;
        const nameOf = (userId: string) => client.user(userId).current?.displayName ?? text.shell.somebody;
        const words = contentPreview(event.message.content, { me, nameOf, text }).slice(0, CHARACTERS_MAX);
        const system = event.message.content.type === "system";
        setLine(system ? words : `${nameOf(event.message.senderId)}: ${words}`);
      }),
    [client, conversation, me, text],
  );
  return (
    <p className="visually-hidden" aria-live="polite">
      {line}
    </p>
  );
}
