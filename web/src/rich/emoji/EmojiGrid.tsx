/** One group of emoji as a grid; arrow keys walk through it. */

import { type KeyboardEvent, memo } from "react";
import type { Emoji } from "./data";
import styles from "./EmojiPicker.module.css";

export interface EmojiGridProps {
  title: string;
  group?: string;
  emoji: readonly Emoji[];
  onPick: (glyph: string) => void;
}

/** Where the focus goes; the columns are as many as share the first row. */
function walk(event: KeyboardEvent<HTMLDivElement>): void {
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.indexOf(event.target as HTMLButtonElement);
  const top = buttons[0]?.offsetTop;
  const columns = Math.max(1, buttons.filter((button) => button.offsetTop === top).length);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  buttons[Math.max(0, Math.min(buttons.length - 1, at + step))]?.focus();
}

export const EmojiGrid = memo(function EmojiGrid({ title, group, emoji, onPick }: EmojiGridProps) {
  return (
    <section data-group={group}>
      <h3 className={styles.title}>{title}</h3>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms */}
      <div className={styles.grid} onKeyDown={walk} role="group" aria-label={title}>
        {emoji.map(({ glyph, words }) => (
          <button key={glyph} type="button" title={words[0]} onClick={() => onPick(glyph)}>
            {glyph}
          </button>
        ))}
      </div>
    </section>
  );
});
