/** The button for those who have no conversation yet. */

import { useState } from "react";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { NewMessage } from "./NewMessage";

export function StartFirst() {
  const text = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind="primary" onClick={() => setOpen(true)}>
        {text.list.startFirst}
      </Button>
      {open && <NewMessage onClose={() => setOpen(false)} />}
    </>
  );
}
