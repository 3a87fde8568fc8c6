/** What others see of you, and your password. */

import { useClient } from "../state/session";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { Spinner } from "../ui/Spinner";
import { PasswordForm } from "./PasswordForm";
import { ProfileForm } from "./ProfileForm";

export function Profile() {
  const text = useText();
  const me = useObservable(useClient().me);
  if (me === undefined) return <Spinner label={text.shell.loading} />;
  return (
    <>
      <ProfileForm key={me.userId} me={me} />
      <PasswordForm username={me.username} />
    </>
  );
}
