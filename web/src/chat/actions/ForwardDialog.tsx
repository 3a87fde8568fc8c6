/** Chooses the conversations that messages are forwarded to, one by one or as one message. */

import type { Conversation, Message } from "@skein/client";
import { useState } from "react";
import { PickConversationRow } from "../../list/PickConversationRow";
import { SearchBox } from "../../list/SearchBox";
import { conversationTitle } from "../../list/title";
import { titleMatches } from "../../list/titleMatches";
import { useNotices } from "../../state/notices";
import { useObservable } from "../../state/useObservable";
import { useText } from "../../text/useText";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { usePane } from "../pane";
import styles from "./ForwardDialog.module.css";

export function ForwardDialog({ messages, onClose }: { messages: readonly Message[]; onClose: () => void }) {
  const pane = usePane();
  const text = useText();
  const notices = useNotices();
  const conversations = useObservable(pane.client.conversations);
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<Conversation>>(new Set());
  const [merged, setMerged] = useState(false);
  const [busy, setBusy] = useState(false);
  const titleOf = (conversation: Conversation) => conversationTitle(conversation, conversation.current, text);
  const offered = conversations.filter((one) => one.current.member && titleMatches(titleOf(one), query));

  const choose = (conversation: Conversation) => {
    const next = new Set(chosen);
    if (!next.delete(conversation)) next.add(conversation);
    setChosen(next);
  };
  const forward = async () => {
    setBusy(true);
    try {
      const title = text.chat.historyOf(titleOf(pane.conversation));
      await pane.conversation.forward(messages, [...chosen], merged ? { merged, title } : {});
      pane.selection.set(undefined);
      notices.tell(text.chat.forwardedDone(chosen.size));
      onClose();
    } catch (error) {
      notices.fail(error);
      setBusy(false);
    }
  };

  const actions = (
    <>
      <label className={styles.merged}>
        <input type="checkbox" checked={merged} onChange={(event) => setMerged(event.target.checked)} />
        {text.chat.asMerged}
      </label>
      <Button onClick={onClose}>{text.shell.cancel}</Button>
      <Button kind="primary" disabled={chosen.size === 0} busy={busy} onClick={() => void forward()}>
        {text.chat.forward}
      </Button>
    </>
  );
  return (
    <Dialog title={text.chat.forwardTo} onClose={onClose} actions={actions}>
      <div className={styles.search}>
        <SearchBox value={query} onChange={setQuery} />
      </div>
      <ul className={styles.rows} aria-label={text.list.conversations}>
        {offered.map((conversation) => (
          <PickConversationRow
            key={conversation.id}
            conversation={conversation}
            chosen={chosen.has(conversation)}
            onChoose={choose}
          />
        ))}
      </ul>
      {offered.length === 0 && <p className={styles.none}>{text.list.nothingToPick}</p>}
    </Dialog>
  );
}
