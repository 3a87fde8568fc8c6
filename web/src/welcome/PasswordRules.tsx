/** The rules of a new password; each says whether it is met. */

import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { Icon } from "../ui/Icon";
import styles from "./PasswordRules.module.css";
import { passwordRules } from "./rules";

export function PasswordRules({ password }: { password: string }) {
  const text = useText();
  return (
    <ul className={styles.rules}>
      {passwordRules(password, text).map((rule) => (
        <li key={rule.id} className={classNames(styles.rule, rule.met && styles.met)}>
          <span className={styles.mark}>{rule.met && <Icon name="check" size={12} />}</span>
          {rule.words}
          <span className="visually-hidden">, {rule.met ? text.welcome.ruleMet : text.welcome.ruleOpen}</span>
        </li>
      ))}
    </ul>
  );
}
