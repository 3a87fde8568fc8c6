/** Opens the emoji to choose from. They are loaded when they are first wanted. */

import { useEffect, useRef, useState } from "react";
import { useNotices } from "../../state/notices";
import { useText } from "../../text/useText";
import { IconButton } from "../../ui/IconButton";
import { Spinner } from "../../ui/Spinner";
import styles from "./EmojiButton.module.css";

type Picker = typeof import("../../rich/emoji/EmojiPicker").default;

const AHEAD_MS = 5_000;
let loaded: Picker | undefined;

/** Unlike a lazy component this can be tried again, when the connection is back. */
async function loadPicker(): Promise<Picker> {
  loaded ??= (await import("../../rich/emoji/EmojiPicker")).default;
  return loaded;
}

export function EmojiButton({ onPick }: { onPick: (glyph: string) => void }) {
  const text = useText().chat;
  const notices = useNotices();
  const [open, setOpen] = useState(false);
  const [EmojiPicker, setPicker] = useState<Picker | undefined>(() => loaded);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && box.current?.contains(event.target) !== true) setOpen(false);
    };
    document.addEventListener("pointerdown", outside, true);
    return () => document.removeEventListener("pointerdown", outside, true);
  }, [open]);

  useEffect(() => {
    if (!open || EmojiPicker !== undefined) return;
    loadPicker().then(
      (picker) => setPicker(() => picker),
      (error: unknown) => {
        setOpen(false);
        notices.fail(error);
      },
    );
  }, [open, EmojiPicker, notices]);

  // Fetched ahead once the page has nothing better to do, so that it is there without a connection too.
  useEffect(() => {
    const timer = setTimeout(() => loadPicker().catch(() => {}), AHEAD_MS);
    return () => clearTimeout(timer);
  }, []);

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
          {EmojiPicker === undefined ? <Spinner /> : <EmojiPicker onPick={onPick} />}
        </div>
      )}
    </div>
  );
}
