/** An open conversation: its header, its messages, its composer, and the panel about it. */

import { useEffect, useState } from "react";
import { useClient } from "../state/session";
import styles from "./ChatPane.module.css";
import { OpenChat } from "./OpenChat";
import { createPane, type Pane, PaneProvider } from "./pane";

export function ChatPane({ conversationId, onBack }: { conversationId: string; onBack: () => void }) {
  const client = useClient();
  const [pane, setPane] = useState<Pane>();
  useEffect(() => {
    const conversation = client.conversation(conversationId);
    const history = conversation.open();
    setPane(createPane(client, conversation, history));
    return () => {
      setPane(undefined);
      history.close();
    };
  }, [client, conversationId]);
  if (pane === undefined || pane.conversation.id !== conversationId) return <div className={styles.pane} />;
  return (
    <PaneProvider value={pane}>
      <OpenChat key={conversationId} onBack={onBack} />
    </PaneProvider>
  );
}
