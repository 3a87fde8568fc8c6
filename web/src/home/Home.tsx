/** The page of somebody who is logged in: the list at the left, what is open at the right; one of them where it is narrow. */

import { lazy, Suspense } from "react";
import { ChatPane } from "../chat/ChatPane";
import { ListPane } from "../list/ListPane";
import { usePlace } from "../state/place";
import { useText } from "../text/useText";
import { classNames } from "../ui/classNames";
import { Empty } from "../ui/Empty";
import { ErrorBoundary } from "../ui/ErrorBoundary";
import { Spinner } from "../ui/Spinner";

/** Seldom needed, so not part of the first load. */
const SettingsPane = lazy(async () => ({ default: (await import("../settings/SettingsPane")).SettingsPane }));

import { ConnectionBar } from "./ConnectionBar";
import styles from "./Home.module.css";
import { useAttention } from "./useAttention";

export function Home() {
  const text = useText();
  const [place, go] = usePlace();
  useAttention();
  const settingsPage = place.at === "settings" ? place.page : place.at === "devices" ? "devices" : undefined;
  const back = () => go({ at: "list" });

  return (
    <div className={styles.home}>
      <ConnectionBar />
      <div className={classNames(styles.panes, place.at === "list" ? styles.showsList : styles.showsOpen)}>
        <div className={styles.list}>
          <ListPane />
        </div>
        <div className={styles.open}>
          <ErrorBoundary
            key={place.at === "chat" ? place.conversationId : settingsPage === undefined ? "list" : "settings"}
            text={text}
          >
            {place.at === "chat" && (
              <ChatPane key={place.conversationId} conversationId={place.conversationId} onBack={back} />
            )}
            {settingsPage !== undefined && (
              <Suspense fallback={<Spinner label={text.shell.loading} />}>
                <SettingsPane page={settingsPage} onBack={back} />
              </Suspense>
            )}
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
