/** The line under the title: who writes just now, else whose conversation it is. */

import { useNames } from "../state/useNames";
import { useNow } from "../state/useNow";
import { useObservable } from "../state/useObservable";
import { usePresence } from "../state/usePresence";
import { nameInSentence } from "../text/names";
import { exactTime, listTime } from "../text/times";
import { useLanguage, useText } from "../text/useText";
import styles from "./ChatHeader.module.css";
import { usePane } from "./pane";

export function Below() {
  const { client, conversation } = usePane();
  const text = useText();
  const state = useObservable(conversation);
  const peer = useObservable(client.user(state.kind === "direct" ? state.peerId : client.userId));
  const there = useThere(state.kind === "direct" ? state.peerId : "");
  const writers = useObservable(conversation.writing);
  const nameOf = useNames(state.kind === "group" ? writers : []);
  const idle = {
    direct: there ?? (peer === undefined ? "" : `@${peer.username}`),
    group: state.memberCount > 0 ? text.chat.members(state.memberCount) : "",
    self: text.chat.notesHint,
    channel: "",
    room: "",
    system: "",
  }[state.kind];
  const names = writers.map((userId) => nameInSentence(nameOf(userId)));
  const writing = state.kind === "group" ? text.chat.namesWrite(names) : text.chat.writes;
  return (
    <p className={styles.below} role="status">
      {writers.length > 0 ? <bdi className={styles.writing}>{writing}</bdi> : <bdi>{idle}</bdi>}
    </p>
  );
}

/** Whether the other is there, or when they were; `undefined` when nothing is known of it. */
function useThere(userId: string): string | undefined {
  const text = useText();
  const language = useLanguage();
  const presence = usePresence(userId);
  const nowMs = useNow(presence?.state === "offline" ? 60_000 : undefined);
  if (presence === undefined || presence.state === "hidden" || presence.state === "invisible") return undefined;
  if (presence.state !== "offline") return presence.text || text.chat.presence[presence.state];
  if (presence.lastSeenMs === 0) return undefined;
  const when = listTime(presence.lastSeenMs, nowMs, language, text.list.yesterday);
  const day = when === text.list.yesterday || /\d/.test(when);
  return text.chat.lastSeen(day ? when : exactTime(presence.lastSeenMs, language));
}
