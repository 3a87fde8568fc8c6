/** Stands below or instead of the rows: what to do when there are none, and the search for a person by user name. */

import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";
import { Icon } from "../ui/Icon";
import styles from "./NothingListed.module.css";
import { useStartDirect } from "./useStartDirect";

const USERNAME = /^@?[A-Za-z][A-Za-z0-9._-]{1,31}$/;

export interface NothingListedProps {
  none: boolean;
  query: string;
  inArchive: boolean;
  /** Somebody was found and is open now. */
  onDone: () => void;
}

export function NothingListed({ none, query, inArchive, onDone }: NothingListedProps) {
  const text = useText();
  const direct = useStartDirect(onDone);

  if (query !== "") {
    return (
      <div className={styles.below}>
        {none && <p>{text.list.noMatch}</p>}
        {USERNAME.test(query) && (
          <Button className={styles.find} busy={direct.searching} onClick={() => void direct.start(query)}>
            <Icon name="person" />
            <bdi className={styles.name}>{text.list.findPerson(query.replace(/^@/, ""))}</bdi>
          </Button>
        )}
        {direct.error !== undefined && <p role="alert">{direct.error}</p>}
      </div>
    );
  }
  if (!none) return null;
  return inArchive ? (
    <Empty icon="archive" title={text.list.emptyArchive}>
      {text.list.emptyArchiveText}
    </Empty>
  ) : (
    <Empty icon="chat" title={text.list.emptyTitle}>
      {text.list.emptyText}
    </Empty>
  );
}
