/** A dialog to choose conversations from the list, for instance to forward something to them. */

import type { Conversation } from "@skein/client";
import { useState } from "react";
import { useClient } from "../state/session";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { PickConversationRow } from "./PickConversationRow";
import styles from "./PickConversations.module.css";
import { SearchBox } from "./SearchBox";
import { conversationTitle } from "./title";
import { titleMatches } from "./titleMatches";

export interface PickConversationsProps {
  title: string;
  onPick: (conversations: Conversation[]) => void;
  onClose: () => void;
  multiple: boolean;
}

export function PickConversations({ title, onPick, onClose, multiple }: PickConversationsProps) {
  const text = useText();
  const client = useClient();
  const conversations = useObservable(client.conversations);
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());

  const offered = conversations.filter((conversation) => {
    const state = conversation.current;
    return state.member && titleMatches(conversationTitle(conversation, state, text), query);
  });

  const choose = (conversation: Conversation) => {
    if (!multiple) {
      onPick([conversation]);
      return;
    }
    const next = new Set(chosen);
    if (!next.delete(conversation.id)) next.add(conversation.id);
    setChosen(next);
  };

  const finish = () => onPick(conversations.filter((conversation) => chosen.has(conversation.id)));

  const actions = multiple ? (
    <>
      <Button onClick={onClose}>{text.shell.cancel}</Button>
      <Button kind="primary" disabled={chosen.size === 0} onClick={finish}>
        {chosen.size < 2 ? text.list.pick : text.list.pickCount(chosen.size)}
      </Button>
    </>
  ) : undefined;

  return (
    <Dialog title={title} onClose={onClose} actions={actions}>
      <div className={styles.search}>
        <SearchBox value={query} onChange={setQuery} />
      </div>
      <ul className={styles.rows} aria-label={text.list.conversations}>
        {offered.map((conversation) => (
          <PickConversationRow
            key={conversation.id}
            conversation={conversation}
            chosen={multiple ? chosen.has(conversation.id) : undefined}
            onChoose={choose}
          />
        ))}
      </ul>
      {offered.length === 0 && <p className={styles.none}>{text.list.nothingToPick}</p>}
    </Dialog>
  );
}
