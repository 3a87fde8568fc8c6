/** Logs out of this device, after a question: what is kept here goes away. */

import { useState } from "react";
import { goTo } from "../state/place";
import { useSession } from "../state/session";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Icon } from "../ui/Icon";
import { Section } from "./Section";

export function LogOutHere() {
  const text = useText();
  const session = useSession();
  const [asks, setAsks] = useState(false);

  const logOut = async () => {
    await session.logOut();
    goTo({ at: "list" });
  };

  return (
    <Section>
      <Button kind="danger" onClick={() => setAsks(true)}>
        <Icon name="logout" />
        {text.settings.logOutHere}
      </Button>
      {asks && (
        <Confirm
          title={text.settings.logOutQuestion}
          confirm={text.settings.logOut}
          onConfirm={logOut}
          onClose={() => setAsks(false)}
        >
          {text.settings.logOutText}
        </Confirm>
      )}
    </Section>
  );
}
