/** Opens the emoji to choose from. They are loaded when they are first wanted. */

import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useText } from "../../text/useText";
import { IconButton } from "../../ui/IconButton";
import { Spinner } from "../../ui/Spinner";
import styles from "./EmojiButton.module.css";

const EmojiPicker = lazy(() => import("../../rich/emoji/EmojiPicker"));

export function EmojiButton({ onPick }: { onPick: (glyph: string) => void }) {
  const text = useText().chat;
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && box.current?.contains(event.target) !== true) setOpen(false);
    };
    document.addEventListener("pointerdown", outside, true);
    return () => document.removeEventListener("pointerdown", outside, true);
  }, [open]);

  const close = () => {
    setOpen(false);
    box.current?.querySelector("button")?.focus();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc closes, wherever in here the focus is
    <div
      ref={box}
      className={styles.emoji}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        close();
      }}
    >
      <IconButton
        icon="smile"
        label={text.emoji}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      />
      {open && (
        <div className={styles.popover} role="dialog" aria-label={text.emoji}>
          <Suspense fallback={<Spinner />}>
            <EmojiPicker onPick={onPick} />
          </Suspense>
        </div>
      )}
    </div>
  );
}
