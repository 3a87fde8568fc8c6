/** What the conversation is to the reader: pinned, muted, archived, its remark. */

import { useState } from "react";
import { usePane } from "../chat/pane";
import { useNotices } from "../state/notices";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { Icon } from "../ui/Icon";
import styles from "./InfoPanel.module.css";
import { NameDialog } from "./NameDialog";
import { Switch } from "./Switch";

export function OwnSettings() {
  const { conversation } = usePane();
  const text = useText().info;
  const notices = useNotices();
  const state = useObservable(conversation);
  const [naming, setNaming] = useState(false);
  const update = (change: Parameters<typeof conversation.update>[0]) =>
    void conversation.update(change).catch(notices.fail);
  return (
    <section className={styles.settings}>
      <Switch label={text.pin} on={state.pinned} onChange={(pinned) => update({ pinned })} />
      <Switch
        label={text.mute}
        on={state.mute !== "notify"}
        onChange={(muted) => update({ mute: muted ? "quiet" : "notify" })}
      />
      <Switch label={text.archive} on={state.archived} onChange={(archived) => update({ archived })} />
      {state.kind !== "self" && (
        <button type="button" className={styles.line} onClick={() => setNaming(true)}>
          <span>{text.remark}</span>
          <bdi className={styles.value}>{state.remark}</bdi>
          <Icon name="edit" size={18} />
        </button>
      )}
      {naming && (
        <NameDialog
          title={text.remark}
          label={text.remark}
          hint={text.remarkHint}
          value={state.remark}
          onSave={(remark) => conversation.update({ remark })}
          onClose={() => setNaming(false)}
        />
      )}
    </section>
  );
}
