/** Says honestly how the connection is; nothing is to be seen of it while all is well. */

import { useClient } from "../state/session";
import { useNow } from "../state/useNow";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { Icon } from "../ui/Icon";
import { Spinner } from "../ui/Spinner";
import styles from "./ConnectionBar.module.css";
import { type ConnectionWords, connectionWords } from "./connectionWords";

export function ConnectionBar() {
  const text = useText();
  const client = useClient();
  const status = useObservable(client.status);
  const counts = status.state === "waiting" && !status.offline;
  const now = useNow(counts ? 1000 : undefined);
  const { words, mood } = connectionWords(status, now, text);
  return (
    <div className={classNames(styles.bar, styles[mood])}>
      <Mark mood={mood} />
      <span role="status" aria-label={text.shell.connection}>
        {words}
      </span>
      {counts && (
        <button type="button" className={styles.now} onClick={() => client.tryNow()}>
          {text.shell.tryNow}
        </button>
      )}
    </div>
  );
}

function Mark({ mood }: { mood: ConnectionWords["mood"] }) {
  if (mood === "online") return null;
  return mood === "busy" ? <Spinner size={14} /> : <Icon name="warning" size={16} />;
}
