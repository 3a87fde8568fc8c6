/** Makes a text box as high as its text. */

import { type RefObject, useLayoutEffect } from "react";

const byItself = CSS.supports("field-sizing", "content");

export function useAutoHeight(box: RefObject<HTMLTextAreaElement | null>, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = box.current;
    if (byItself || element === null) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [box, text]);
}
