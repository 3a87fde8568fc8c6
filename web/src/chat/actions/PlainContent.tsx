/** A content outside of the history: text in full, anything else in a line. */

import type { Content } from "@skein/client";
import { contentPreview } from "../../list/preview";
import { RichText } from "../../rich/RichText";
import { useText } from "../../text/useText";
import { usePane } from "../pane";

export function PlainContent({ content }: { content: Content }) {
  const { me } = usePane();
  const text = useText();
  if (content.type === "text" || content.type === "markdown") {
    return <RichText type={content.type} text={content.text} mentions={content.mentions} me={me} />;
  }
  return <p dir="auto">{contentPreview(content, { me, nameOf: () => text.shell.somebody, text })}</p>;
}
