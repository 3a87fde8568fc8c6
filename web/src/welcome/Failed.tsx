/** Shown when what is stored in this browser cannot be read. */

import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";

export function Failed() {
  const text = useText();
  const again = (
    <Button kind="primary" onClick={() => location.reload()}>
      {text.shell.reload}
    </Button>
  );
  return (
    <Empty icon="warning" title={text.shell.brokenTitle} action={again}>
      {text.shell.brokenText}
    </Empty>
  );
}
