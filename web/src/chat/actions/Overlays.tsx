/** What is open over the conversation: a menu or a dialog. */

import { useNotices } from "../../state/notices";
import { useObservable } from "../../state/useObservable";
import { useText } from "../../text/useText";
import { Menu } from "../../ui/Menu";
import { usePane } from "../pane";
import { DeleteDialog } from "./DeleteDialog";
import { EditsDialog } from "./EditsDialog";
import { ForwardDialog } from "./ForwardDialog";
import { MergedDialog } from "./MergedDialog";
import { messageMenu } from "./messageMenu";
import { ReadersDialog } from "./ReadersDialog";

export function Overlays() {
  const pane = usePane();
  const text = useText();
  const notices = useNotices();
  const overlay = useObservable(pane.overlay);
  const close = () => {
    if (pane.overlay.current === overlay) pane.overlay.set(undefined);
  };
  switch (overlay?.kind) {
    case "menu":
      return <Menu items={messageMenu(pane, overlay.message, text.chat, notices)} at={overlay.at} onClose={close} />;
    case "forward":
      return <ForwardDialog messages={overlay.messages} onClose={close} />;
    case "delete":
      return <DeleteDialog messages={overlay.messages} onClose={close} />;
    case "readers":
      return <ReadersDialog message={overlay.message} onClose={close} />;
    case "edits":
      return <EditsDialog message={overlay.message} onClose={close} />;
    case "merged":
      return <MergedDialog content={overlay.content} onClose={close} />;
    case undefined:
      return null;
  }
}
