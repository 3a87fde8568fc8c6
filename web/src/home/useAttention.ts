/** What draws the eye to the page when it is out of sight: the count in the title and on the icon, and notifications. */

import { useEffect } from "react";
import { messagePreview } from "../list/preview";
import { conversationTitle } from "../list/title";
import { showBadge } from "../state/badge";
import { notificationsOn } from "../state/notifications";
import { goTo } from "../state/place";
import { useClient } from "../state/session";
import { useObservable } from "../state/useObservable";
import { nameInSentence } from "../text/names";
import { useText } from "../text/useText";

export function useAttention(): void {
  const client = useClient();
  const text = useText();
  const unread = useObservable(client.totalUnread);

  useEffect(() => {
    document.title = unread === 0 ? "Skein" : `${text.shell.unreadInTitle(unread)} Skein`;
    showBadge(unread);
    return () => {
      document.title = "Skein";
      showBadge(0);
    };
  }, [unread, text]);

  useEffect(
    () =>
      client.on("message", ({ conversation, message }) => {
        const state = conversation.current;
        const watched = document.visibilityState === "visible" && document.hasFocus();
        if (watched || state.mute !== "notify" || message.noCount || !notificationsOn()) return;
        const title = nameInSentence(conversationTitle(conversation, state, text));
        const sender = client.user(message.senderId).current?.displayName;
        const line = messagePreview(message, { me: client.userId, nameOf: () => sender ?? text.shell.somebody, text });
        const body = state.kind === "group" && sender !== undefined ? `${nameInSentence(sender)}: ${line}` : line;
        const notification = new Notification(title, { body, tag: conversation.id, icon: "/favicon.svg" });
        notification.onclick = () => {
          window.focus();
          goTo({ at: "chat", conversationId: conversation.id });
          notification.close();
        };
      }),
    [client, text],
  );
}
