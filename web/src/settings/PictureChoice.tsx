/** One's own picture, with buttons to change and remove it. */

import type { User } from "@skein/client";
import { useRef } from "react";
import { useNotices } from "../state/notices";
import { plainName } from "../text/names";
import { useText } from "../text/useText";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import styles from "./PictureChoice.module.css";
import { shrinkPicture } from "./shrinkPicture";

export function PictureChoice(props: { me: User; busy: boolean; onChange: (avatar: string) => void }) {
  const { me, busy, onChange } = props;
  const text = useText();
  const notices = useNotices();
  const input = useRef<HTMLInputElement>(null);

  const choose = async (file: File | undefined) => {
    if (file === undefined) return;
    const picture = await shrinkPicture(file).catch(() => undefined);
    if (picture === undefined) notices.tell(text.settings.pictureUnreadable);
    else onChange(picture);
  };

  return (
    <div className={styles.choice}>
      <Avatar id={me.userId} name={me.displayName} src={me.avatar} size={80} />
      <div className={styles.words}>
        <bdi className={styles.name}>{plainName(me.displayName)}</bdi>
        <span className={styles.username}>@{me.username}</span>
        <span className={styles.buttons}>
          <Button className={styles.button} disabled={busy} onClick={() => input.current?.click()}>
            {text.settings.changePicture}
          </Button>
          {me.avatar !== "" && (
            <Button className={styles.button} disabled={busy} onClick={() => onChange("")}>
              {text.settings.removePicture}
            </Button>
          )}
        </span>
      </div>
      <input
        ref={input}
        type="file"
        hidden
        accept="image/png,image/jpeg,image/webp"
        aria-label={text.settings.picture}
        onChange={(event) => {
          void choose(event.target.files?.[0]);
          event.target.value = "";
        }}
      />
    </div>
  );
}
