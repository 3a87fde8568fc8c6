/** The people whose messages one does not take. */

import { useClient } from "../state/session";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { Empty } from "../ui/Empty";
import { BlockedPerson } from "./BlockedPerson";
import { BlockSomebody } from "./BlockSomebody";
import styles from "./Devices.module.css";
import { Section } from "./Section";

export function BlockedPeople() {
  const text = useText();
  const blocked = useObservable(useClient().blocked);
  return (
    <>
      <Section title={text.settings.blocked} about={text.settings.blockedText}>
        <BlockSomebody />
      </Section>
      {blocked.size === 0 ? (
        <Empty icon="block" title={text.settings.blockedEmpty}>
          {text.settings.blockedEmptyText}
        </Empty>
      ) : (
        <Section>
          <ul className={styles.devices} aria-label={text.settings.blocked}>
            {[...blocked].map((userId) => (
              <BlockedPerson key={userId} userId={userId} />
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}
