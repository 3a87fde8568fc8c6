/** A search field with a button to empty it. */

import type { KeyboardEvent, Ref } from "react";
import { useText } from "../text/useText";
import { Icon } from "../ui/Icon";
import styles from "./SearchBox.module.css";

export interface SearchBoxProps {
  value: string;
  onChange: (value: string) => void;
  onKeyDown?: (event: KeyboardEvent<HTMLInputElement>) => void;
  ref?: Ref<HTMLInputElement>;
}

export function SearchBox({ value, onChange, onKeyDown, ref }: SearchBoxProps) {
  const text = useText();
  return (
    <div className={styles.box}>
      <Icon name="search" size={18} />
      <input
        ref={ref}
        type="search"
        dir="auto"
        className={styles.input}
        aria-label={text.list.search}
        placeholder={text.list.search}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {value !== "" && (
        <button type="button" className={styles.clear} aria-label={text.list.clearSearch} onClick={() => onChange("")}>
          <Icon name="close" size={16} />
        </button>
      )}
    </div>
  );
}
