/** What a message says, by its type. Nothing from elsewhere is loaded without a click. */

import type { ReactNode } from "react";
import { useText } from "../../text/useText";
import { durationLabel } from "../times";
import { Card } from "./Card";
import styles from "./Card.module.css";
import { MediaCard } from "./MediaCard";
import { MergedCard } from "./MergedCard";
import type { Said } from "./said";
import { TextContent } from "./TextContent";

export function BubbleContent({ said, meta }: { said: Said; meta: ReactNode }) {
  const text = useText();
  const words = text.chat;
  const { content } = said;
  const foldId = said.message?.clientMessageId ?? said.outgoing?.clientMessageId ?? "";
  switch (content.type) {
    case "text":
    case "markdown":
      return <TextContent content={content} foldId={foldId} meta={meta} />;
    case "image":
      return <MediaCard icon="picture" kind={words.photo} media={content.media} picture meta={meta} />;
    case "sticker":
      return <MediaCard icon="smile" kind={content.name || words.sticker} media={content.media} picture meta={meta} />;
    case "video":
      return (
        <MediaCard
          icon="play"
          kind={`${words.video}, ${durationLabel(content.durationMs)}`}
          media={content.media}
          meta={meta}
        />
      );
    case "voice":
      return (
        <MediaCard
          icon="microphone"
          kind={`${words.voice}, ${durationLabel(content.durationMs)}`}
          media={content.media}
          meta={meta}
        />
      );
    case "file":
      return <MediaCard icon="file" kind={words.file} media={content.media} meta={meta} />;
    case "location": {
      const place = `${content.latitude.toFixed(5)}, ${content.longitude.toFixed(5)}`;
      return <Card icon="place" title={content.name || words.location} note={content.address || place} meta={meta} />;
    }
    case "card":
      return (
        <Card
          icon="person"
          title={content.title || words.card}
          note={content.subtitle}
          href={content.url}
          meta={meta}
        />
      );
    case "link":
      return (
        <Card
          icon="link"
          title={content.title || content.url}
          note={content.description}
          href={content.url}
          meta={meta}
        />
      );
    case "merged":
      return <MergedCard content={content} meta={meta} />;
    case "custom":
      return <Card icon="devices" title={content.summary || words.customType} note={content.customType} meta={meta} />;
    case "system":
    case "unknown":
      return (
        <div className={styles.unknown}>
          {words.unknownType}
          {meta}
        </div>
      );
  }
}
