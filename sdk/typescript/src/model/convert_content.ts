/** Between the schema's content and the plain one. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ContentSchema, type Content as WireContent, type Media as WireMedia } from "../gen/skein/v1/message_pb.js";
import type { Body, Content, Media, MergedItem } from "./content.js";

/** Deeper merged forwards are shown as unknown, whatever a peer sends. */
const MERGED_DEPTH_MAX = 8;

/** A content as the server sent it. */
export function contentFromWire(wire: WireContent | undefined, depth = 0): Content {
  if (wire === undefined) return { type: "unknown" };
  return {
    ...bodyFromWire(wire, depth),
    ...(wire.extra === "" ? {} : { extra: wire.extra }),
    ...(wire.reply === undefined
      ? {}
      : {
          reply: {
            messageId: String(wire.reply.messageId),
            seq: Number(wire.reply.seq),
            senderId: String(wire.reply.senderId),
            excerpt: wire.reply.excerpt,
          },
        }),
    ...(wire.mentions.length === 0
      ? {}
      : {
          mentions: wire.mentions.map((mention) => ({
            userId: String(mention.userId),
            offset: mention.offset,
            length: mention.length,
          })),
        }),
    ...(wire.mentionAll ? { mentionAll: true } : {}),
    ...(wire.forwardedFrom === 0n ? {} : { forwardedFrom: String(wire.forwardedFrom) }),
  };
}

function bodyFromWire({ body }: WireContent, depth: number): Body {
  switch (body.case) {
    case "text":
    case "markdown":
      return { type: body.case, text: body.value.text };
    case "image":
      return {
        type: "image",
        media: mediaFromWire(body.value.media),
        width: body.value.width,
        height: body.value.height,
      };
    case "voice":
      return { type: "voice", media: mediaFromWire(body.value.media), durationMs: body.value.durationMs };
    case "video": {
      const { media, durationMs, width, height } = body.value;
      return { type: "video", media: mediaFromWire(media), durationMs, width, height };
    }
    case "file":
      return { type: "file", media: mediaFromWire(body.value.media) };
    case "location": {
      const { latitude, longitude, name, address } = body.value;
      return { type: "location", latitude, longitude, name, address };
    }
    case "card": {
      const { userId, conversationId, title, subtitle, avatar, url } = body.value;
      return { type: "card", userId: String(userId), conversationId, title, subtitle, avatar, url };
    }
    case "merged":
      if (depth >= MERGED_DEPTH_MAX) return { type: "unknown" };
      return {
        type: "merged",
        title: body.value.title,
        items: body.value.items.map(
          (item): MergedItem => ({
            senderId: String(item.senderId),
            senderName: item.senderName,
            timeMs: Number(item.serverTimeMs),
            content: contentFromWire(item.content, depth + 1),
          }),
        ),
      };
    case "sticker":
      return { type: "sticker", pack: body.value.pack, name: body.value.name, media: mediaFromWire(body.value.media) };
    case "link":
      return { type: "link", url: body.value.url, title: body.value.title, description: body.value.description };
    case "custom":
      return { type: "custom", customType: body.value.type, json: body.value.json, summary: body.value.summary };
    case "system": {
      const { kind, actorId, userIds, text } = body.value;
      return { type: "system", kind, actorId: String(actorId), userIds: userIds.map(String), text };
    }
    default:
      return { type: "unknown" };
  }
}

function mediaFromWire(media: WireMedia | undefined): Media {
  return {
    id: media?.id ?? "",
    url: media?.url ?? "",
    mime: media?.mime ?? "",
    bytes: Number(media?.bytes ?? 0n),
    name: media?.name ?? "",
    sha256: media?.sha256 ?? "",
  };
}

/** A content for the server. `system` and `unknown` cannot be sent. */
export function contentToWire(content: Content): WireContent {
  return create(ContentSchema, {
    body: bodyToWire(content),
    extra: content.extra ?? "",
    ...(content.reply === undefined
      ? {}
      : {
          reply: {
            messageId: BigInt(content.reply.messageId),
            seq: BigInt(content.reply.seq),
            senderId: BigInt(content.reply.senderId),
            excerpt: content.reply.excerpt,
          },
        }),
    mentions: (content.mentions ?? []).map((mention) => ({ ...mention, userId: BigInt(mention.userId) })),
    mentionAll: content.mentionAll ?? false,
    forwardedFrom: BigInt(content.forwardedFrom ?? "0"),
  });
}

type WireBody = NonNullable<MessageInitShape<typeof ContentSchema>["body"]>;

function bodyToWire(body: Body): WireBody {
  switch (body.type) {
    case "text":
    case "markdown":
      return { case: body.type, value: { text: body.text } };
    case "image":
    case "voice":
    case "video":
    case "file":
    case "sticker": {
      const { type, media, ...rest } = body;
      return { case: type, value: { ...rest, media: { ...media, bytes: BigInt(media.bytes) } } } as WireBody;
    }
    case "location": {
      const { type, ...value } = body;
      return { case: type, value };
    }
    case "card": {
      const { type, ...value } = body;
      return { case: type, value: { ...value, userId: BigInt(value.userId) } };
    }
    case "link": {
      const { type, ...value } = body;
      return { case: type, value };
    }
    case "custom":
      return { case: "custom", value: { type: body.customType, json: body.json, summary: body.summary } };
    case "merged":
      return {
        case: "merged",
        value: {
          title: body.title,
          items: body.items.map((item) => ({
            senderId: BigInt(item.senderId),
            senderName: item.senderName,
            serverTimeMs: BigInt(item.timeMs),
            content: contentToWire(item.content),
          })),
        },
      };
    case "system":
    case "unknown":
      return { case: undefined };
  }
}
