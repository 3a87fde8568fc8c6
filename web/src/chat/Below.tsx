/** The line under the title: who writes just now, else whose conversation it is. */

import { useNames } from "../state/useNames";
import { useObservable } from "../state/useObservable";
import { nameInSentence } from "../text/names";
import { useText } from "../text/useText";
import styles from "./ChatHeader.module.css";
import { usePane } from "./pane";

export function Below() {
  const { client, conversation } = usePane();
  const text = useText();
  const state = useObservable(conversation);
  const peer = useObservable(client.user(state.kind === "direct" ? state.peerId : client.userId));
  const writers = useObservable(conversation.writing);
  const nameOf = useNames(state.kind === "group" ? writers : []);
  const idle = {
    direct: peer === undefined ? "" : `@${peer.username}`,
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
