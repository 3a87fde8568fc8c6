/** What virtua puts around each row: an item of the list. */

import type { Ref } from "react";
import type { CustomItemComponentProps } from "virtua";

export function ListItem({ children, style, ref }: CustomItemComponentProps & { ref?: Ref<HTMLLIElement> }) {
  return (
    <li ref={ref} style={style}>
      {children}
    </li>
  );
}
