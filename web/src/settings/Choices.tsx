/** A few choices of which one holds: radio buttons in a row. */

import { useId } from "react";
import { Icon, type IconName } from "../ui/Icon";
import styles from "./Choices.module.css";

export interface Choice<Id extends string> {
  readonly id: Id;
  readonly label: string;
  readonly icon?: IconName;
}

export interface ChoicesProps<Id extends string> {
  label: string;
  choices: readonly Choice<Id>[];
  chosen: Id;
  onChoose: (id: Id) => void;
}

export function Choices<Id extends string>({ label, choices, chosen, onChoose }: ChoicesProps<Id>) {
  const name = useId();
  return (
    <div className={styles.choices} role="radiogroup" aria-label={label}>
      {choices.map((choice) => (
        <label key={choice.id} className={styles.choice}>
          <input
            type="radio"
            className="visually-hidden"
            name={name}
            checked={choice.id === chosen}
            onChange={() => onChoose(choice.id)}
          />
          {choice.icon !== undefined && <Icon name={choice.icon} size={18} />}
          <span>{choice.label}</span>
        </label>
      ))}
    </div>
  );
}
