/** Back to the end, with the count of what is new there. */

import { useText } from "../../text/useText";
import { Icon } from "../../ui/Icon";
import { COUNT_MAX } from "./countNew";
import styles from "./Floating.module.css";

export interface JumpButtonProps {
  count: number;
  onJump: () => void;
  /** Where the rows end before the newest: the way to those after. */
  later: (() => void) | undefined;
}

export function JumpButton({ count, onJump, later }: JumpButtonProps) {
  const text = useText().chat;
  return (
    <div className={styles.corner}>
      {later !== undefined && (
        <button type="button" className={styles.pill} onClick={later}>
          {text.later}
        </button>
      )}
      <button
        type="button"
        className={styles.jump}
        title={text.jumpNewest}
        aria-label={text.jumpNewestCount(count)}
        onClick={onJump}
      >
        <Icon name="down" size={24} />
        {count > 0 && <span className={styles.count}>{count >= COUNT_MAX ? `${COUNT_MAX}+` : count}</span>}
      </button>
    </div>
  );
}
