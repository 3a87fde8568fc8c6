/** A server that is small enough to be obviously right: conversations, one user's entries, the two pulls. For the tests of the replica. */

import { clone, create } from "@bufbuild/protobuf";
import {
  type ConversationEntry,
  ConversationEntrySchema,
  ConversationKind,
} from "../src/gen/skein/v1/conversation_pb.js";
import { GroupSchema } from "../src/gen/skein/v1/group_pb.js";
import { type Event, EventSchema } from "../src/gen/skein/v1/link_pb.js";
import { ContentSchema, type Message, MessageSchema, MessageState } from "../src/gen/skein/v1/message_pb.js";
import { type Cursor, CursorSchema } from "../src/gen/skein/v1/receipt_pb.js";
import {
  type PullConversationResponse,
  PullConversationResponseSchema,
  type PullUserResponse,
  PullUserResponseSchema,
} from "../src/gen/skein/v1/sync_pb.js";

export const ME = 1n;
export const OTHER = 2n;
const PINNED = 1n << 62n;

/** What a message does besides being there. */
export interface Sending {
  readonly own: boolean;
  readonly mention: boolean;
  readonly noCount: boolean;
  readonly noListMove: boolean;
}

interface Entry {
  version: number;
  member: boolean;
  firstSeq: number;
  clearedSeq: number;
  readSeq: number;
  floorSeq: number;
  mentionSeq: number;
  sort: bigint;
  hidden: boolean;
  pinned: boolean;
  draft: string;
  readonly deleted: Map<bigint, number>;
}

export class ModelConversation {
  readonly messages: Message[] = [];
  version = 0;
  name = "group";
  memberCount = 2;
  readonly other = create(CursorSchema, { userId: OTHER });
  readonly entry: Entry = {
    version: 0,
    member: true,
    firstSeq: 1,
    clearedSeq: 0,
    readSeq: 0,
    floorSeq: 0,
    mentionSeq: 0,
    sort: 0n,
    hidden: false,
    pinned: false,
    draft: "",
    deleted: new Map(),
  };

  constructor(
    readonly id: string,
    readonly kind: "direct" | "group" | "large",
  ) {}

  get floor(): number {
    return Math.max(this.entry.firstSeq - 1, this.entry.clearedSeq);
  }

  /** What the user may see, by seq. */
  visible(): readonly Message[] {
    return this.messages.filter(({ seq, messageId }) => Number(seq) > this.floor && !this.entry.deleted.has(messageId));
  }

  /** Counted again from the messages, every time. */
  unread(): number {
    const counts = ({ seq, senderId, options }: Message) =>
      Number(seq) > this.entry.floorSeq && senderId !== 0n && senderId !== ME && !options?.noCount;
    return this.entry.member ? this.messages.filter(counts).length : 0;
  }
}

export class ModelServer {
  readonly conversations = [
    new ModelConversation("1:2", "direct"),
    new ModelConversation("g1", "group"),
    new ModelConversation("g2", "large"),
  ];
  userVersion = 0;
  #now = 1_000;
  #nextId = 100n;

  /** Everybody is in the groups from the start. */
  constructor() {
    for (const conversation of this.conversations) {
      if (conversation.kind === "direct") continue;
      this.#append(conversation, { senderId: 0n, system: { kind: "group_created", userIds: [ME] } });
      if (conversation.kind === "large") this.#bump(conversation);
    }
  }

  /** The conversation with this number, whichever number it is. */
  at(index: number): ModelConversation {
    const conversation = this.conversations[index % this.conversations.length];
    if (conversation === undefined) throw new Error("there is none");
    return conversation;
  }

  #bump({ entry }: ModelConversation): void {
    this.userVersion += 1;
    entry.version = this.userVersion;
  }

  /** A message, or undefined when the user is not in the conversation and nobody else matters. */
  send(conversation: ModelConversation, how: Sending): Event | undefined {
    const { entry } = conversation;
    if (how.own && !entry.member) return undefined;
    const event = this.#append(conversation, {
      senderId: how.own ? ME : OTHER,
      text: "hello",
      ...(how.mention ? { mention: ME } : {}),
      options: { noCount: how.noCount, noListMove: how.noListMove },
    });
    return entry.member ? event : undefined;
  }

  #append(
    conversation: ModelConversation,
    what: {
      senderId: bigint;
      text?: string;
      mention?: bigint;
      system?: { kind: string; userIds: bigint[]; text?: string };
      options?: { noCount: boolean; noListMove: boolean };
    },
  ): Event {
    const { entry } = conversation;
    this.#now += 1;
    this.#nextId += 1n;
    conversation.version += 1;
    const seq = conversation.messages.length + 1;
    const message = create(MessageSchema, {
      messageId: this.#nextId,
      conversationId: conversation.id,
      seq: BigInt(seq),
      version: BigInt(conversation.version),
      senderId: what.senderId,
      clientMessageId: what.system ? "" : `client-${this.#nextId}`,
      content: {
        body: what.system
          ? { case: "system", value: what.system }
          : { case: "text", value: { text: `${what.text} ${seq}` } },
        mentions: what.mention === undefined ? [] : [{ userId: what.mention }],
      },
      state: MessageState.SENT,
      sortKey: BigInt(this.#now),
      ...(what.options === undefined ? {} : { options: what.options }),
    });
    conversation.messages.push(message);
    const own = what.senderId === ME;
    const mentioned = what.mention === ME;
    if (entry.member && (conversation.kind !== "large" || own || mentioned)) {
      if (!what.options?.noListMove) {
        entry.sort = message.sortKey;
        entry.hidden = false;
      }
      if (own) entry.floorSeq = seq;
      else if (mentioned) entry.mentionSeq = seq;
      this.#bump(conversation);
    }
    return messageEvent(message);
  }

  change(conversation: ModelConversation, index: number, recall: boolean): Event | undefined {
    const at = index % Math.max(1, conversation.messages.length);
    const found = conversation.messages[at];
    if (found === undefined || found.state !== MessageState.SENT || found.senderId === 0n) return undefined;
    conversation.version += 1;
    const message = clone(MessageSchema, found);
    message.version = BigInt(conversation.version);
    if (recall) {
      message.state = MessageState.RECALLED;
      delete message.content;
    } else {
      message.editCount += 1;
      const body = { case: "text", value: { text: `edit ${message.editCount}` } } as const;
      message.content = create(ContentSchema, { body });
    }
    conversation.messages[at] = message;
    if (conversation.entry.member && conversation.kind !== "large") this.#bump(conversation);
    return conversation.entry.member ? messageEvent(message) : undefined;
  }

  deleteForMe(conversation: ModelConversation, index: number): Event | undefined {
    const visible = conversation.visible();
    const found = visible[index % Math.max(1, visible.length)];
    if (found === undefined || !conversation.entry.member) return undefined;
    this.#bump(conversation);
    conversation.entry.deleted.set(found.messageId, conversation.entry.version);
    const entry = this.render(conversation, Number.POSITIVE_INFINITY);
    entry.deletedMessageIds = [found.messageId];
    return entryEvent(entry);
  }

  read(conversation: ModelConversation, share: number): Event | undefined {
    const { entry, messages } = conversation;
    const seq = Math.ceil((messages.length * share) / 100);
    if (!entry.member || seq <= entry.readSeq) return undefined;
    entry.readSeq = seq;
    entry.floorSeq = Math.max(entry.floorSeq, seq);
    return this.#moved(conversation);
  }

  otherReads(conversation: ModelConversation, share: number): Event | undefined {
    const { entry, messages, other } = conversation;
    const readSeq = BigInt(Math.ceil((messages.length * share) / 100));
    if (!entry.member || conversation.kind === "large" || readSeq <= other.readSeq) return undefined;
    other.readSeq = readSeq;
    if (other.deliveredSeq < readSeq) other.deliveredSeq = readSeq;
    const { userId, deliveredSeq, readTimeMs } = other;
    const value = { conversationId: conversation.id, userId, readSeq, deliveredSeq, readTimeMs };
    return create(EventSchema, { body: { case: "cursor", value } });
  }

  clear(conversation: ModelConversation, hide: boolean): Event | undefined {
    const { entry, messages } = conversation;
    if (!entry.member || conversation.version === 0) return undefined;
    entry.clearedSeq = messages.length;
    entry.floorSeq = Math.max(entry.floorSeq, messages.length);
    if (hide) entry.hidden = true;
    return this.#moved(conversation);
  }

  set(
    conversation: ModelConversation,
    change: { pinned?: boolean; hidden?: boolean; draft?: string },
  ): Event | undefined {
    if (!conversation.entry.member || conversation.version === 0) return undefined;
    Object.assign(conversation.entry, change);
    return this.#moved(conversation);
  }

  #moved(conversation: ModelConversation): Event {
    this.#bump(conversation);
    return entryEvent(this.render(conversation, Number.POSITIVE_INFINITY));
  }

  rename(conversation: ModelConversation): Event | undefined {
    if (conversation.kind === "direct") return undefined;
    conversation.name = `renamed ${conversation.version}`;
    const event = this.#append(conversation, {
      senderId: 0n,
      system: { kind: "renamed", userIds: [], text: conversation.name },
    });
    return conversation.entry.member ? event : undefined;
  }

  /** Somebody else comes or goes. */
  crowd(conversation: ModelConversation, come: boolean): Event | undefined {
    if (conversation.kind === "direct" || (!come && conversation.memberCount <= 2)) return undefined;
    conversation.memberCount += come ? 1 : -1;
    const event = this.#append(conversation, {
      senderId: 0n,
      system: { kind: come ? "members_added" : "members_removed", userIds: [9n] },
    });
    return conversation.entry.member ? event : undefined;
  }

  /** The user is removed, or added again. */
  membership(conversation: ModelConversation): Event | undefined {
    const { entry } = conversation;
    if (conversation.kind === "direct" || conversation.version === 0) return undefined;
    if (entry.member) {
      entry.member = false;
      conversation.memberCount -= 1;
      this.#bump(conversation);
      return this.#append(conversation, { senderId: 0n, system: { kind: "members_removed", userIds: [ME] } });
    }
    const lastSeq = conversation.messages.length;
    Object.assign(entry, { member: true, firstSeq: lastSeq + 1, readSeq: lastSeq, floorSeq: lastSeq, hidden: false });
    entry.sort = BigInt(this.#now);
    conversation.memberCount += 1;
    this.#bump(conversation);
    return this.#append(conversation, { senderId: 0n, system: { kind: "members_added", userIds: [ME] } });
  }

  render(conversation: ModelConversation, since: number): ConversationEntry {
    const { entry, version, messages, other } = conversation;
    const last = conversation.visible().at(-1);
    const { member } = entry;
    const direct = conversation.kind === "direct";
    return create(ConversationEntrySchema, {
      conversationId: conversation.id,
      kind: direct ? ConversationKind.DIRECT : ConversationKind.GROUP,
      version: BigInt(entry.version),
      conversationVersion: BigInt(member ? version : 0),
      sortKey: entry.sort + (entry.pinned ? PINNED : 0n),
      lastSeq: BigInt(member ? messages.length : 0),
      unread: BigInt(conversation.unread()),
      mentioned: member && entry.mentionSeq > entry.floorSeq,
      readSeq: BigInt(entry.readSeq),
      clearedSeq: BigInt(entry.clearedSeq),
      pinned: entry.pinned,
      draft: entry.draft,
      hidden: entry.hidden,
      title: direct ? "other" : member ? conversation.name : "",
      peerId: direct ? OTHER : 0n,
      firstSeq: BigInt(Math.max(entry.firstSeq, entry.clearedSeq + 1)),
      member,
      peerReadSeq: direct ? other.readSeq : 0n,
      peerDeliveredSeq: direct ? other.deliveredSeq : 0n,
      memberCount: member ? conversation.memberCount : 0,
      deletedMessageIds: [...entry.deleted].filter(([, at]) => at > since).map(([id]) => id),
      ...(member && last !== undefined ? { lastMessage: last } : {}),
    });
  }

  pullUser(since: number, before: number, limit: number, bundle: number): PullUserResponse {
    const changed = this.conversations
      .filter(({ entry }) => entry.version > since && (before === 0 || entry.version < before))
      .sort((a, b) => b.entry.version - a.entry.version);
    const page = changed.slice(0, limit);
    const hasMore = changed.length > limit;
    return create(PullUserResponseSchema, {
      entries: page.map((conversation) => this.render(conversation, since)),
      messages: page.flatMap((conversation) =>
        conversation.entry.member ? conversation.visible().slice(-bundle) : [],
      ),
      heads: hasMore ? [] : this.#heads(),
      version: BigInt(this.userVersion),
      hasMore,
      nextBeforeVersion: BigInt(hasMore ? (page.at(-1)?.entry.version ?? 0) : 0),
    });
  }

  #heads() {
    const large = this.conversations.filter(
      ({ kind, entry, version }) => kind === "large" && entry.member && version > 0,
    );
    return large.map((conversation) => ({
      conversationId: conversation.id,
      lastSeq: BigInt(conversation.messages.length),
      version: BigInt(conversation.version),
      unread: BigInt(conversation.unread()),
    }));
  }

  /** Undefined: not a member. */
  pullConversation(id: string, since: number, limit: number): PullConversationResponse | undefined {
    const conversation = this.conversations.find((one) => one.id === id);
    if (!conversation?.entry.member) return undefined;
    const changed = conversation.visible().filter(({ version }) => Number(version) > since);
    changed.sort((a, b) => Number(a.version - b.version));
    const hasMore = changed.length > limit;
    const messages = changed.slice(0, limit);
    const cursors: Cursor[] = conversation.kind === "large" ? [] : [create(CursorSchema, { ...conversation.other })];
    return create(PullConversationResponseSchema, {
      messages,
      version: hasMore ? (messages.at(-1)?.version ?? 0n) : BigInt(conversation.version),
      hasMore,
      cursors,
      lastSeq: BigInt(conversation.messages.length),
      ...(conversation.kind === "direct"
        ? {}
        : {
            group: create(GroupSchema, {
              conversationId: id,
              name: conversation.name,
              memberCount: conversation.memberCount,
              version: BigInt(conversation.version),
            }),
          }),
    });
  }
}

export function messageEvent(message: Message): Event {
  return create(EventSchema, { body: { case: "message", value: { message } } });
}

export function entryEvent(entry: ConversationEntry): Event {
  return create(EventSchema, { body: { case: "entry", value: entry } });
}
