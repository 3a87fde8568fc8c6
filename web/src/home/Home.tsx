/** The page of somebody who is logged in: the list at the left, what is open at the right; one of them where it is narrow. */

import { ChatPane } from "../chat/ChatPane";
import { ListPane } from "../list/ListPane";
import { SettingsPane } from "../settings/SettingsPane";
import { usePlace } from "../state/place";
import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { Empty } from "../ui/Empty";
import { ErrorBoundary } from "../ui/ErrorBoundary";
import { ConnectionBar } from "./ConnectionBar";
import styles from "./Home.module.css";
import { useAttention } from "./useAttention";

export function Home() {
  const text = useText();
  const [place, go] = usePlace();
  useAttention();
  const back = () => go({ at: "list" });

  return (
    <div className={styles.home}>
      <ConnectionBar />
      <div className={classNames(styles.panes, place.at === "list" ? styles.showsList : styles.showsOpen)}>
        <div className={styles.list}>
          <ListPane />
        </div>
        <div className={styles.open}>
          <ErrorBoundary key={place.at === "chat" ? place.conversationId : place.at} text={text}>
            {place.at === "chat" && (
              <ChatPane key={place.conversationId} conversationId={place.conversationId} onBack={back} />
            )}
            {place.at === "settings" && <SettingsPane page={place.page} onBack={back} />}
            {place.at === "devices" && <SettingsPane page="devices" onBack={back} />}
            {place.at === "list" && (
              <Empty icon="chat" title={text.shell.nothingOpenTitle}>
                {text.shell.nothingOpenText}
              </Empty>
            )}
          </ErrorBoundary>
        </div>
      </div>
    </div>
  );
}
