/** The left pane: search, what begins something new, and the conversations. */

import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { usePlace } from "../state/place";
import { useClient } from "../state/session";
import { useNow } from "../state/useNow";
import { useObservable } from "../state/useObservable";
import { useText } from "../text/useText";
import { IconButton } from "../ui/IconButton";
import { ArchiveButton } from "./ArchiveButton";
import { ConversationList, type ConversationListHandle } from "./ConversationList";
import { FindPerson } from "./FindPerson";
import styles from "./ListPane.module.css";
import { watchListed } from "./listed";
import { NewChat } from "./NewChat";
import { NothingListed } from "./NothingListed";
import { SearchBox } from "./SearchBox";
import { conversationTitle } from "./title";
import { titleMatches } from "./titleMatches";
import { useStartDirect } from "./useStartDirect";

const MINUTE_MS = 60_000;

export function ListPane() {
  const text = useText();
  const [place, go] = usePlace();
  const client = useClient();
  const { active, archived, archivedUnread } = useObservable(useMemo(() => watchListed(client), [client]));
  const nowMs = useNow(MINUTE_MS);
  const [query, setQuery] = useState("");
  const [inArchive, setInArchive] = useState(false);
  const list = useRef<ConversationListHandle>(null);
  const searchBox = useRef<HTMLInputElement>(null);
  const direct = useStartDirect(() => setQuery(""));

  const searching = query.trim() !== "";
  const listed = searching
    ? [...active, ...archived].filter((one) => titleMatches(conversationTitle(one, one.current, text), query))
    : inArchive
      ? archived
      : active;

  // The search is one key away, from wherever the focus is.
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey)
        return;
      event.preventDefault();
      searchBox.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const search = (typed: string) => {
    setQuery(typed);
    direct.forgetError();
  };

  const onSearchKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const first = listed[0];
    if (event.key === "Escape") setQuery("");
    else if (event.key === "ArrowDown") list.current?.focusFirst();
    else if (event.key === "Enter" && searching && first !== undefined) {
      go({ at: "chat", conversationId: first.id });
      setQuery("");
    } else if (event.key === "Enter" && searching) void direct.start(query);
    else return;
    event.preventDefault();
  };

  return (
    <nav className={styles.pane} aria-label={text.list.conversations}>
      <header className={styles.header}>
        <SearchBox ref={searchBox} value={query} onChange={search} onKeyDown={onSearchKey} />
        <NewChat />
        <IconButton
          icon="settings"
          label={text.list.settings}
          onClick={() => go({ at: "settings", page: "profile" })}
        />
      </header>
      {searching && <FindPerson query={query.trim()} direct={direct} />}
      {inArchive && !searching && (
        <div className={styles.archiveHeader}>
          <IconButton icon="back" label={text.shell.back} onClick={() => setInArchive(false)} />
          <h2>{text.list.archived}</h2>
        </div>
      )}
      {!inArchive && !searching && archived.length > 0 && (
        <ArchiveButton count={archived.length} unread={archivedUnread} onOpen={() => setInArchive(true)} />
      )}
      {listed.length > 0 && (
        <ConversationList
          ref={list}
          conversations={listed}
          openId={place.at === "chat" ? place.conversationId : undefined}
          nowMs={nowMs}
          onLeaveUp={() => searchBox.current?.focus()}
        />
      )}
      {listed.length === 0 && <NothingListed searching={searching} inArchive={inArchive} />}
    </nav>
  );
}
