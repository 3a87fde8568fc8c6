/** Finds people by exact user name, shows who is chosen, offers those of the one-to-one conversations. */

import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import styles from "./ChoosePeople.module.css";
import { ChosenPerson } from "./ChosenPerson";
import { KnownPeople } from "./KnownPeople";
import type { People } from "./usePeople";

export function ChoosePeople({ people, exclude }: { people: People; exclude: readonly string[] }) {
  const text = useText();
  return (
    <div className={styles.choose}>
      <div className={styles.find}>
        <Field
          className={styles.field}
          label={text.list.addPeople}
          value={people.typed}
          error={people.error}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => people.type(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.nativeEvent.isComposing || people.typed.trim() === "") return;
            event.preventDefault();
            void people.addTyped();
          }}
        />
        <Button
          className={styles.add}
          busy={people.searching}
          disabled={people.typed.trim() === ""}
          onClick={() => void people.addTyped()}
        >
          {text.list.add}
        </Button>
      </div>
      {people.chosen.length > 0 && (
        <ul className={styles.chosen} aria-label={text.list.chosen}>
          {people.chosen.map((user) => (
            <ChosenPerson key={user.userId} user={user} onRemove={() => people.remove(user.userId)} />
          ))}
        </ul>
      )}
      <KnownPeople people={people} exclude={exclude} />
    </div>
  );
}
