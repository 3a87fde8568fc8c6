/** Below the search box: looks somebody up whose user name is what was typed. */

import { useText } from "../text/useText";
import { Icon } from "../ui/Icon";
import { Spinner } from "../ui/Spinner";
import styles from "./FindPerson.module.css";
import type { StartDirect } from "./useStartDirect";

const USERNAME = /^@?[A-Za-z][A-Za-z0-9._-]{1,31}$/;

export function FindPerson({ query, direct }: { query: string; direct: StartDirect }) {
  const text = useText();
  if (!USERNAME.test(query)) return null;
  return (
    <>
      <button
        type="button"
        className={styles.find}
        disabled={direct.searching}
        onClick={() => void direct.start(query)}
      >
        <span className={styles.icon}>
          {direct.searching ? <Spinner size={18} /> : <Icon name="person" size={18} />}
        </span>
        <bdi className={styles.words}>{text.list.findPerson(query.replace(/^@/, ""))}</bdi>
      </button>
      {direct.error !== undefined && (
        <p className={styles.error} role="alert">
          {direct.error}
        </p>
      )}
    </>
  );
}
