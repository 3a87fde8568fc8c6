/** From the schema's types to the plain ones. Ids are text; numbers that fit a double are numbers. */

import { SkeinError } from "../error.js";
import {
  type LogInResponse,
  UserState,
  type Device as WireDevice,
  Platform as WirePlatform,
  type Tokens as WireTokens,
  type User as WireUser,
} from "../gen/skein/v1/account_pb.js";
import {
  type ConversationEntry,
  type MuteLevel,
  ConversationKind as WireKind,
} from "../gen/skein/v1/conversation_pb.js";
import type { Group as WireGroup, Member as WireMember, Role as WireRole } from "../gen/skein/v1/group_pb.js";
import { type Message as WireMessage, MessageState as WireState } from "../gen/skein/v1/message_pb.js";
import type { Cursor as WireCursor } from "../gen/skein/v1/receipt_pb.js";
import type { Device, DeviceInfo, Login, Platform, Tokens, User } from "./account.js";
import type { ConversationKind, ConversationState, Cursor, Group, Member, Mute, Role } from "./conversation.js";
import { contentFromWire } from "./convert_content.js";
import type { Message, MessageState } from "./message.js";

const MESSAGE_STATES: Record<WireState, MessageState> = {
  [WireState.UNSPECIFIED]: "sent",
  [WireState.SENT]: "sent",
  [WireState.RECALLED]: "recalled",
  [WireState.DELETED]: "deleted",
};

export function messageFromWire(wire: WireMessage): Message {
  return {
    messageId: String(wire.messageId),
    conversationId: wire.conversationId,
    seq: Number(wire.seq),
    version: Number(wire.version),
    senderId: String(wire.senderId),
    clientMessageId: wire.clientMessageId,
    content: contentFromWire(wire.content),
    state: MESSAGE_STATES[wire.state] ?? "sent",
    clientTimeMs: Number(wire.clientTimeMs),
    serverTimeMs: Number(wire.serverTimeMs),
    changedTimeMs: Number(wire.changedTimeMs),
    editCount: wire.editCount,
    recalledBy: String(wire.recalledBy),
    noCount: wire.options?.noCount ?? false,
    noListMove: wire.options?.noListMove ?? false,
    sortKey: wire.sortKey,
  };
}

const KINDS: Record<WireKind, ConversationKind> = {
  [WireKind.UNSPECIFIED]: "system",
  [WireKind.DIRECT]: "direct",
  [WireKind.GROUP]: "group",
  [WireKind.SELF]: "self",
  [WireKind.CHANNEL]: "channel",
  [WireKind.ROOM]: "room",
  [WireKind.SYSTEM]: "system",
};
const MUTES: readonly Mute[] = ["notify", "quiet", "refuse"];

export function conversationFromWire(wire: ConversationEntry): ConversationState {
  return {
    conversationId: wire.conversationId,
    kind: KINDS[wire.kind] ?? "system",
    version: Number(wire.version),
    conversationVersion: Number(wire.conversationVersion),
    sortKey: wire.sortKey,
    lastSeq: Number(wire.lastSeq),
    firstSeq: Math.max(Number(wire.firstSeq), Number(wire.clearedSeq) + 1, 1),
    lastMessage: wire.lastMessage === undefined ? undefined : messageFromWire(wire.lastMessage),
    unread: Number(wire.unread),
    mentioned: wire.mentioned,
    readSeq: Number(wire.readSeq),
    clearedSeq: Number(wire.clearedSeq),
    pinned: wire.pinned,
    mute: MUTES[wire.mute] ?? "notify",
    draft: wire.draft,
    remark: wire.remark,
    hidden: wire.hidden,
    archived: wire.archived,
    title: wire.title,
    avatar: wire.avatar,
    peerId: String(wire.peerId),
    member: wire.member,
    peerReadSeq: Number(wire.peerReadSeq),
    peerDeliveredSeq: Number(wire.peerDeliveredSeq),
    memberCount: wire.memberCount,
  };
}

export function muteToWire(mute: Mute): MuteLevel {
  return MUTES.indexOf(mute);
}

export function cursorFromWire(wire: WireCursor): Cursor {
  return {
    userId: String(wire.userId),
    readSeq: Number(wire.readSeq),
    deliveredSeq: Number(wire.deliveredSeq),
    readTimeMs: Number(wire.readTimeMs),
  };
}

const ROLES: readonly Role[] = ["none", "member", "admin", "owner"];

export function roleToWire(role: Role): WireRole {
  return ROLES.indexOf(role);
}

export function groupFromWire(wire: WireGroup): Group {
  return {
    conversationId: wire.conversationId,
    name: wire.name,
    avatar: wire.avatar,
    ownerId: String(wire.ownerId),
    memberCount: wire.memberCount,
    version: Number(wire.version),
    createdTimeMs: Number(wire.createdTimeMs),
    myRole: ROLES[wire.myRole] ?? "none",
  };
}

export function memberFromWire(wire: WireMember): Member {
  return {
    userId: String(wire.userId),
    role: ROLES[wire.role] ?? "none",
    joinedSeq: Number(wire.joinedSeq),
    version: Number(wire.version),
    nickname: wire.nickname,
    displayName: wire.displayName,
  };
}

export function userFromWire(wire: WireUser): User {
  return {
    userId: String(wire.userId),
    username: wire.username,
    displayName: wire.displayName,
    avatar: wire.avatar,
    bio: wire.bio,
    state: wire.state === UserState.SUSPENDED ? "suspended" : wire.state === UserState.DELETED ? "deleted" : "active",
    extra: wire.extra,
    createdTimeMs: Number(wire.createdTimeMs),
  };
}

const PLATFORMS: Record<Platform, WirePlatform> = {
  web: WirePlatform.WEB,
  ios: WirePlatform.IOS,
  android: WirePlatform.ANDROID,
  desktop: WirePlatform.DESKTOP,
  terminal: WirePlatform.TERMINAL,
  bot: WirePlatform.BOT,
  device: WirePlatform.DEVICE,
};

export function deviceInfoToWire(device: DeviceInfo) {
  return { platform: PLATFORMS[device.platform], name: device.name, deviceId: device.deviceId ?? "" };
}

export function platformFromWire(wire: WirePlatform): Platform | "unknown" {
  return (Object.keys(PLATFORMS) as Platform[]).find((name) => PLATFORMS[name] === wire) ?? "unknown";
}

export function deviceFromWire(wire: WireDevice): Device {
  return {
    deviceId: wire.deviceId,
    platform: platformFromWire(wire.platform),
    name: wire.name,
    createdTimeMs: Number(wire.createdTimeMs),
    lastSeenTimeMs: Number(wire.lastSeenTimeMs),
    current: wire.current,
    online: wire.online,
  };
}

export function loginFromWire({ user, tokens }: Pick<LogInResponse, "user" | "tokens">): Login {
  if (user === undefined) throw new SkeinError("MALFORMED", "the server's answer lacks the user");
  return { user: userFromWire(user), tokens: tokensFromWire(tokens) };
}

export function tokensFromWire(tokens: WireTokens | undefined): Tokens {
  if (tokens === undefined) throw new SkeinError("MALFORMED", "the server's answer lacks the tokens");
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    accessExpiresMs: Number(tokens.accessExpiresMs),
    refreshExpiresMs: Number(tokens.refreshExpiresMs),
    deviceId: tokens.deviceId,
  };
}
