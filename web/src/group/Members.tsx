/** The roster of a group. */

import type { Member } from "@skein/client";
import { useMemo, useState } from "react";
import { usePane } from "../chat/pane";
import { myRole } from "../chat/people";
import { SearchBox } from "../list/SearchBox";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import styles from "./InfoPanel.module.css";
import { MemberRow } from "./MemberRow";
import { nameOfMember, ordered } from "./roster";

/** So many are shown at first, and more at a time. */
const SHOWN = 60;
/** From this many on there is a search. */
const SEARCHED_FROM = 12;

export function Members({ members }: { members: readonly Member[] }) {
  const pane = usePane();
  const text = useText().info;
  const [query, setQuery] = useState("");
  const [shown, setShown] = useState(SHOWN);
  const inOrder = useMemo(() => ordered(members), [members]);
  const wanted = query.trim().toLocaleLowerCase();
  const found = inOrder.filter((member) => nameOfMember(member).toLocaleLowerCase().includes(wanted));
  return (
    <section className={styles.members}>
      <h3>{text.membersCount(inOrder.length)}</h3>
      {inOrder.length >= SEARCHED_FROM && <SearchBox value={query} onChange={setQuery} />}
      <ul aria-label={text.members}>
        {found.slice(0, shown).map((member) => (
          <MemberRow key={member.userId} member={member} mine={myRole(pane)} />
        ))}
      </ul>
      {found.length === 0 && wanted !== "" && <p className={styles.none}>{text.noMemberFound}</p>}
      {found.length > shown && <Button onClick={() => setShown(shown * 4)}>{text.showAll(found.length)}</Button>}
    </section>
  );
}
