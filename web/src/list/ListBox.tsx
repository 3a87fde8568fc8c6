/** What virtua puts around all rows: the list. */

import type { Ref } from "react";
import type { CustomContainerComponentProps } from "virtua";
import { useText } from "../text/useText";

export function ListBox({ children, style, ref }: CustomContainerComponentProps & { ref?: Ref<HTMLUListElement> }) {
  const text = useText();
  return (
    <ul ref={ref} style={style} aria-label={text.list.conversations}>
      {children}
    </ul>
  );
}
