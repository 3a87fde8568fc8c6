/** The other of a one-to-one conversation. */

import { usePane } from "../chat/pane";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import styles from "./InfoPanel.module.css";

export function PersonInfo({ userId }: { userId: string }) {
  const { client } = usePane();
  const text = useText().info;
  const user = useObservable(client.user(userId));
  if (user === undefined) return null;
  const facts: readonly (readonly [string, string])[] = [
    [text.username, `@${user.username}`],
    [text.bio, user.bio],
  ];
  return (
    <dl className={styles.facts}>
      {facts
        .filter(([, value]) => value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd dir="auto">{value}</dd>
          </div>
        ))}
    </dl>
  );
}
