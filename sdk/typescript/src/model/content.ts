/** What a message says, as plain data: one body, told apart by `type`, and what it refers to. */

/** A file by reference; the bytes are elsewhere. */
export interface Media {
  readonly id: string;
  readonly url: string;
  readonly mime: string;
  readonly bytes: number;
  readonly name: string;
  readonly sha256: string;
}

/** One message inside a merged forward. */
export interface MergedItem {
  readonly senderId: string;
  readonly senderName: string;
  readonly timeMs: number;
  readonly content: Content;
}

/** The typed body. `unknown` is a type that this version of the SDK does not know: show a hint to update. */
export type Body =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "markdown"; readonly text: string }
  | { readonly type: "image"; readonly media: Media; readonly width: number; readonly height: number }
  | { readonly type: "voice"; readonly media: Media; readonly durationMs: number }
  | {
      readonly type: "video";
      readonly media: Media;
      readonly durationMs: number;
      readonly width: number;
      readonly height: number;
    }
  | { readonly type: "file"; readonly media: Media }
  | {
      readonly type: "location";
      readonly latitude: number;
      readonly longitude: number;
      readonly name: string;
      readonly address: string;
    }
  | {
      readonly type: "card";
      readonly userId: string;
      readonly conversationId: string;
      readonly title: string;
      readonly subtitle: string;
      readonly avatar: string;
      readonly url: string;
    }
  | { readonly type: "merged"; readonly title: string; readonly items: readonly MergedItem[] }
  | { readonly type: "sticker"; readonly pack: string; readonly name: string; readonly media: Media }
  | { readonly type: "link"; readonly url: string; readonly title: string; readonly description: string }
  | { readonly type: "custom"; readonly customType: string; readonly json: string; readonly summary: string }
  | {
      readonly type: "system";
      /** "group_created", "members_added", "member_left", …: word it in the reader's language; `text` is the English fallback. */
      readonly kind: string;
      readonly actorId: string;
      readonly userIds: readonly string[];
      readonly text: string;
    }
  | { readonly type: "unknown" };

/** The message that this one answers. */
export interface Reply {
  readonly messageId: string;
  readonly seq: number;
  readonly senderId: string;
  readonly excerpt: string;
}

/** Somebody who is named in the text; the span counts Unicode code points. */
export interface Mention {
  readonly userId: string;
  readonly offset: number;
  readonly length: number;
}

/** A body and what goes with every body. */
export type Content = Body & {
  /** A JSON object of the application's own, or empty. */
  readonly extra?: string;
  readonly reply?: Reply;
  readonly mentions?: readonly Mention[];
  readonly mentionAll?: boolean;
  /** Message id of the original of a forwarded copy. */
  readonly forwardedFrom?: string;
};
