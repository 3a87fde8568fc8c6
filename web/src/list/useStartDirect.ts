/** Looks a person up by exact user name and goes to the conversation with them. */

import { useState } from "react";
import { useNotices } from "../state/notices";
import { usePlace } from "../state/place";
import { useClient } from "../state/session";
import { errorCode } from "../text/errorText";
import { useText } from "../text/useText";

export interface StartDirect {
  start(username: string): Promise<void>;
  readonly searching: boolean;
  readonly error: string | undefined;
  forgetError(): void;
}

export function useStartDirect(onDone: () => void): StartDirect {
  const client = useClient();
  const text = useText();
  const notices = useNotices();
  const [, go] = usePlace();
  const [searching, setSearching] = useState(false);
  const [error, setError] = useState<string>();

  const start = async (typed: string): Promise<void> => {
    const username = typed.trim().replace(/^@/, "");
    if (username === "") return;
    setSearching(true);
    setError(undefined);
    try {
      const user = await client.findUser({ username });
      go({ at: "chat", conversationId: client.direct(user.userId).id });
      onDone();
    } catch (thrown) {
      const code = errorCode(thrown, text);
      if (code === "NOT_FOUND" || code === "INVALID_ARGUMENT") setError(text.list.nobody(username));
      else notices.fail(thrown);
    } finally {
      setSearching(false);
    }
  };

  return { start, searching, error, forgetError: () => setError(undefined) };
}
