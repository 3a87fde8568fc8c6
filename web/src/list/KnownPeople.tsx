/** People of the one-to-one conversations, to be chosen with a click. */

import { useClient } from "../state/session";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import styles from "./ChoosePeople.module.css";
import { KnownPerson } from "./KnownPerson";
import type { People } from "./usePeople";

const OFFERED_MAX = 100;

export function KnownPeople({ people, exclude }: { people: People; exclude: readonly string[] }) {
  const text = useText();
  const client = useClient();
  const conversations = useObservable(client.conversations);
  const offered = conversations
    .filter(({ current }) => current.kind === "direct" && current.peerId !== "0" && !exclude.includes(current.peerId))
    .slice(0, OFFERED_MAX);

  if (offered.length === 0) {
    return people.chosen.length === 0 ? <p className={styles.none}>{text.list.nobodyToPick}</p> : null;
  }
  return (
    <section className={styles.known} aria-label={text.list.peopleYouKnow}>
      <h3 className={styles.heading}>{text.list.peopleYouKnow}</h3>
      <ul className={styles.rows}>
        {offered.map((conversation) => (
          <KnownPerson key={conversation.id} conversation={conversation} people={people} />
        ))}
      </ul>
    </section>
  );
}
