/** Brings the keyboard to the text box: when the conversation opens, and when somebody begins to type elsewhere in it. */

import { type RefObject, useEffect } from "react";

/** Whether a key typed now goes nowhere: the focus is on the page, or on what only scrolls. */
function goesNowhere(): boolean {
  const focused = document.activeElement;
  return focused === null || focused === document.body || focused.getAttribute("role") === "log";
}

export function useKeyboardAtHand(box: RefObject<HTMLTextAreaElement | null>): void {
  useEffect(() => {
    // On a phone the keyboard would cover half of the page.
    if (!matchMedia("(hover: hover) and (pointer: fine)").matches) return;
    box.current?.focus({ preventScroll: true });
    const onKeyDown = (event: KeyboardEvent) => {
      const writes = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (writes && goesNowhere() && document.querySelector("dialog[open]") === null) box.current?.focus();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [box]);
}
