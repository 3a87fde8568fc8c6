/** The emoji to choose from: recent ones, groups, and a search in both languages. */

import { type KeyboardEvent, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useText } from "../../text/useText";
import { type EmojiGroup, emojiGroups } from "./data";
import { EmojiGrid } from "./EmojiGrid";
import styles from "./EmojiPicker.module.css";
import { recentEmoji, rememberEmoji } from "./recents";
import { searchEmoji } from "./search";

const names = new Map(emojiGroups.flatMap((group) => group.emoji).map((emoji) => [emoji.glyph, emoji.words[0] ?? ""]));

export default function EmojiPicker({ onPick }: { onPick: (glyph: string) => void }) {
  const text = useText().chat;
  const [query, setQuery] = useState("");
  const [recent] = useState(recentEmoji);
  const found = useMemo(() => searchEmoji(query), [query]);
  const search = useRef<HTMLInputElement>(null);
  const body = useRef<HTMLDivElement>(null);

  // Where there is no keyboard on the screen that would come up for it. In the commit, not after it: an Esc that comes
  // between the two would close the picker and leave the focus nowhere.
  useLayoutEffect(() => {
    if (matchMedia("(hover: hover)").matches) search.current?.focus();
  }, []);

  const pick = (glyph: string) => {
    rememberEmoji(glyph);
    onPick(glyph);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && found[0] !== undefined && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      pick(found[0].glyph);
    } else if (event.key === "ArrowDown" && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      body.current?.querySelector("button")?.focus();
    }
  };
  const goTo = (group: EmojiGroup) => {
    body.current?.querySelector(`[data-group="${group}"]`)?.scrollIntoView({ block: "start" });
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div className={styles.picker} onKeyDown={onKeyDown} role="group" aria-label={text.emoji}>
      <input
        ref={search}
        className={styles.search}
        type="search"
        value={query}
        placeholder={text.emojiSearch}
        aria-label={text.emojiSearch}
        onChange={(event) => setQuery(event.target.value)}
      />
      <div className={styles.body} ref={body}>
        {query.trim() !== "" ? (
          <EmojiGrid title={found.length === 0 ? text.emojiNone : text.emojiFound} emoji={found} onPick={pick} />
        ) : (
          <>
            {recent.length > 0 && (
              <EmojiGrid
                title={text.emojiRecent}
                emoji={recent.map((glyph) => ({ glyph, words: [names.get(glyph) ?? glyph] }))}
                onPick={pick}
              />
            )}
            {emojiGroups.map(({ group, emoji }) => (
              <EmojiGrid key={group} group={group} title={text.emojiGroups[group]} emoji={emoji} onPick={pick} />
            ))}
          </>
        )}
      </div>
      {query.trim() === "" && (
        <div className={styles.tabs}>
          {emojiGroups.map(({ group, emoji }) => (
            <button
              key={group}
              type="button"
              title={text.emojiGroups[group]}
              aria-label={text.emojiGroups[group]}
              onClick={() => goTo(group)}
            >
              {emoji[0]?.glyph}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
