/** Stands where no rows are, and says what to do. */

import { useText } from "../text/useText";
import { Empty } from "../ui/Empty";
import { StartFirst } from "./StartFirst";

export function NothingListed({ searching, inArchive }: { searching: boolean; inArchive: boolean }) {
  const text = useText();
  if (searching) {
    return (
      <Empty icon="search" title={text.list.noMatch}>
        {text.list.noMatchText}
      </Empty>
    );
  }
  return inArchive ? (
    <Empty icon="archive" title={text.list.emptyArchive}>
      {text.list.emptyArchiveText}
    </Empty>
  ) : (
    <Empty icon="chat" title={text.list.emptyTitle} action={<StartFirst />}>
      {text.list.emptyText}
    </Empty>
  );
}
