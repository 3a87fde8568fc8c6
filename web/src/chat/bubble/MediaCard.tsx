/** A file by reference: its name and size. It is fetched only when its link is followed; a picture in the message itself is shown. */

import type { Media } from "@skein/client";
import type { ReactNode } from "react";
import type { IconName } from "../../ui/Icon";
import { sizeLabel } from "../times";
import { Card } from "./Card";
import styles from "./Card.module.css";

export interface MediaCardProps {
  icon: IconName;
  kind: string;
  media: Media;
  picture?: boolean;
  meta: ReactNode;
}

const INLINE_PICTURE = /^data:image\/(?:png|jpeg|webp|gif);base64,/;

export function MediaCard({ icon, kind, media, picture = false, meta }: MediaCardProps) {
  if (picture && INLINE_PICTURE.test(media.url)) {
    return (
      <div>
        <img className={styles.picture} src={media.url} alt={media.name || kind} draggable={false} />
        {meta}
      </div>
    );
  }
  const facts = [media.name === "" ? "" : kind, media.bytes > 0 ? sizeLabel(media.bytes) : "", media.mime];
  return (
    <Card
      icon={icon}
      title={media.name || kind}
      note={facts.filter((fact) => fact !== "").join(" · ")}
      href={media.url}
      meta={meta}
    />
  );
}
