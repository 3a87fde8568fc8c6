/**
 * The merge of pushes and pulls into one state: pure, so that it can be shown to converge whatever is dropped, doubled or reordered.
 *
 * A conversation's `version` grows by one with each change, so a client that has seen all changes up to a version knows whether a pushed one is the
 * next. If not, it is kept and the hole is pulled. The higher version of a message wins, so nothing that was recalled comes back.
 * Every input returns the changes to write and to show.
 */

import type { ConversationEntry } from "../gen/skein/v1/conversation_pb.js";
import type { CursorEvent, Event, MessageEvent, TimelineEvent } from "../gen/skein/v1/link_pb.js";
import type { Message as WireMessage } from "../gen/skein/v1/message_pb.js";
import type { PullConversationResponse, PullUserResponse } from "../gen/skein/v1/sync_pb.js";
import { conversationFromWire, cursorFromWire, messageFromWire, userFromWire } from "../model/convert.js";
import type { Message } from "../model/message.js";
import type { Changes, ConversationRecord, UserRecord } from "../storage/storage.js";
import { Changeset } from "./changeset.js";
import { Known } from "./known.js";

/** A conversation that is further behind than this starts over from its newest messages; older ones are fetched when they are looked at. */
export const CATCH_UP_CHANGES_MAX = 1_000;

/** What has to be pulled: the user timeline, or a conversation. */
export type Need = { readonly kind: "user" } | { readonly kind: "conversation"; readonly conversationId: string };

export class Replica {
  readonly #conversations = new Map<string, Known>();
  readonly #needed = new Set<string>();
  #needsUser = false;
  /** Head of the pull that is under way. */
  #pulling: number | undefined;

  constructor(
    private readonly me: string,
    private user: UserRecord,
    stored: readonly ConversationRecord[],
  ) {
    for (const record of stored) {
      const known = new Known(record, me);
      this.#conversations.set(record.conversationId, known);
      if (known.behind) this.#needed.add(record.conversationId);
    }
  }

  get userVersion(): number {
    return this.user.version;
  }

  /** Every change of this conversation up to here is known. */
  conversationVersion(conversationId: string): number {
    return this.#conversations.get(conversationId)?.record.version ?? 0;
  }

  record(conversationId: string): ConversationRecord | undefined {
    return this.#conversations.get(conversationId)?.record;
  }

  /** Asks for a pull of the user timeline: after a session that was not resumed, or a lagging push. */
  needUser(): void {
    this.#needsUser = true;
  }

  /** What has to be pulled now: the user timeline first, then conversations, the ones on top of the list first. */
  needs(): readonly Need[] {
    if (this.#needsUser) return [{ kind: "user" }];
    for (const id of this.#needed) if (this.#conversations.get(id)?.behind !== true) this.#needed.delete(id);
    const order = (id: string) => this.#conversations.get(id)?.record.entry?.sortKey ?? 0n;
    const ids = [...this.#needed].sort((a, b) => (order(a) > order(b) ? -1 : order(a) < order(b) ? 1 : 0));
    return ids.map((conversationId) => ({ kind: "conversation", conversationId }));
  }

  /** A conversation cannot be pulled any more: the user timeline says why. */
  giveUp(conversationId: string): void {
    this.#needed.delete(conversationId);
  }

  /** Takes pushed events. */
  push(events: readonly Event[]): Changes {
    const changes = new Changeset();
    for (const { body } of events) {
      if (body.case === "message") this.#pushMessage(changes, body.value);
      else if (body.case === "entry") this.#mergeEntry(changes, body.value);
      else if (body.case === "cursor") this.#pushCursor(changes, body.value);
      else if (body.case === "timeline") this.#hint(changes, body.value);
    }
    return changes.finish();
  }

  #pushMessage(changes: Changeset, { message }: MessageEvent): void {
    if (message === undefined) return;
    const known = this.#conversations.get(message.conversationId);
    // A conversation that the list does not have yet.
    if (known?.record.entry === undefined) this.#needsUser = true;
    else this.#mergeMessage(changes, known, messageFromWire(message));
  }

  #mergeMessage(changes: Changeset, known: Known, message: Message): void {
    const { conversationId, seq } = message;
    known.noteVersion(message.version);
    if (known.behind) this.#needed.add(conversationId);
    if (seq > (known.record.entry?.clearedSeq ?? 0)) {
      changes.message(message);
      changes.held(conversationId, [seq, seq]);
      known.noteMessage(message);
    }
    changes.conversation(known.record);
  }

  #pushCursor(changes: Changeset, event: CursorEvent): void {
    const known = this.#conversations.get(event.conversationId);
    if (known?.mergeCursor(cursorFromWire({ $typeName: "skein.v1.Cursor", ...pickCursor(event) }))) {
      changes.conversation(known.record);
    }
  }

  #hint(changes: Changeset, { conversationId, version }: TimelineEvent): void {
    if (conversationId !== "") this.#want(changes, this.#know(conversationId), Number(version));
    else if (Number(version) > this.user.version) this.#needsUser = true;
  }

  #know(conversationId: string): Known {
    const known = this.#conversations.get(conversationId) ?? new Known(conversationId, this.me);
    this.#conversations.set(conversationId, known);
    return known;
  }

  #want(changes: Changeset, known: Known, version: number): void {
    if (known.want(version)) changes.conversation(known.record);
    if (known.behind) this.#needed.add(known.record.conversationId);
  }

  /** Takes entries that came as answers to operations. */
  mergeEntries(entries: readonly (ConversationEntry | undefined)[]): Changes {
    const changes = new Changeset();
    for (const entry of entries) if (entry !== undefined) this.#mergeEntry(changes, entry);
    return changes.finish();
  }

  /** Takes messages that came as answers to operations, or that we have just sent. */
  mergeMessages(messages: readonly Message[]): Changes {
    const changes = new Changeset();
    for (const message of messages) {
      const known = this.#conversations.get(message.conversationId);
      if (known?.record.entry !== undefined) this.#mergeMessage(changes, known, message);
      else {
        // The list will have it in a moment; the message itself must not get lost in between.
        this.#needsUser = true;
        changes.message(message);
        changes.held(message.conversationId, [message.seq, message.seq]);
      }
    }
    return changes.finish();
  }

  #mergeEntry(changes: Changeset, wire: ConversationEntry): Known {
    const known = this.#know(wire.conversationId);
    const cleared = known.record.entry?.clearedSeq ?? 0;
    const deleted = wire.deletedMessageIds.map(String);
    if (deleted.length > 0) {
      changes.deleted(wire.conversationId, deleted);
      known.noteDeleted(deleted);
    }
    const first = known.record.entry === undefined;
    if (known.mergeEntry(conversationFromWire(wire))) {
      const entry = known.record.entry;
      if (entry !== undefined && entry.clearedSeq > cleared) changes.cleared(wire.conversationId, entry.clearedSeq);
    }
    // An entry of a new conversation carries no messages: they are fetched when looked at, changes count from here.
    if (first && known.record.version === 0) known.startFrom(Number(wire.conversationVersion));
    changes.conversation(known.record);
    return known;
  }

  /** Takes one page of a pull of the user timeline. `messages` is the bundle, wherever it came packed. */
  mergeUserPage(page: PullUserResponse, messages: readonly WireMessage[]): Changes {
    this.#pulling ??= Number(page.version);
    const changes = new Changeset();
    const bundles = byConversation(messages.map(messageFromWire));
    for (const wire of page.entries) {
      this.#mergeBundle(changes, wire, bundles.get(wire.conversationId) ?? []);
    }
    for (const head of page.heads) {
      const known = this.#conversations.get(head.conversationId);
      known?.mergeHead(Number(head.lastSeq), Number(head.unread));
      if (known !== undefined) this.#want(changes, known, Number(head.version));
    }
    const blocked = new Set(this.user.blocked);
    for (const block of page.blocks) {
      if (block.blocked) blocked.add(String(block.userId));
      else blocked.delete(String(block.userId));
    }
    const settings = { ...this.user.settings };
    for (const { key, value } of page.settings) {
      if (value === "") delete settings[key];
      else settings[key] = value;
    }
    const me = page.me === undefined ? this.user.me : userFromWire(page.me);
    this.user = { ...this.user, me, settings, blocked: [...blocked] };
    if (!page.hasMore) {
      this.user = { ...this.user, version: Math.max(this.user.version, this.#pulling) };
      this.#pulling = undefined;
      this.#needsUser = false;
    }
    changes.user = this.user;
    return changes.finish();
  }

  #mergeBundle(changes: Changeset, wire: ConversationEntry, bundle: readonly Message[]): void {
    const before = this.#conversations.get(wire.conversationId)?.record;
    const version = Number(wire.conversationVersion);
    const first = before === undefined || before.version === 0;
    const known = this.#mergeEntry(changes, wire);
    if (!wire.member) {
      this.#needed.delete(wire.conversationId);
      return;
    }
    if (!first && version - before.version <= CATCH_UP_CHANGES_MAX) {
      this.#want(changes, known, version);
      return;
    }
    // The newest messages as of this very version: nothing older needs to be known to go on from here.
    if (!first) changes.reset(wire.conversationId);
    for (const message of bundle) changes.message(message);
    const oldest = Math.min(...bundle.map(({ seq }) => seq));
    changes.held(wire.conversationId, [oldest, Number(wire.lastSeq)]);
    known.startFrom(Math.max(version, known.record.version));
    changes.conversation(known.record);
  }

  /** Forgets a pull of the user timeline that broke off; it starts again from the old version. */
  abandonUserPull(): void {
    this.#pulling = undefined;
  }

  /** Takes one page of a pull of a conversation. */
  mergeConversationPage(conversationId: string, page: PullConversationResponse): Changes {
    const changes = new Changeset();
    const known = this.#know(conversationId);
    for (const wire of page.messages) {
      const message = messageFromWire(wire);
      if (message.seq <= (known.record.entry?.clearedSeq ?? 0)) continue;
      changes.message(message);
      changes.held(conversationId, [message.seq, message.seq]);
      known.noteMessage(message);
    }
    known.knownThrough(Number(page.version));
    for (const cursor of page.cursors) known.mergeCursor(cursorFromWire(cursor));
    changes.conversation(known.record);
    return changes.finish();
  }

  /** Keeps what `UpdateProfile` and the like have changed here until the timeline brings it. */
  mergeUser(change: Partial<Pick<UserRecord, "me" | "settings" | "blocked">>): Changes {
    this.user = { ...this.user, ...change };
    return { user: this.user };
  }
}

function byConversation(messages: readonly Message[]): Map<string, Message[]> {
  const out = new Map<string, Message[]>();
  for (const message of messages) {
    const group = out.get(message.conversationId);
    if (group === undefined) out.set(message.conversationId, [message]);
    else group.push(message);
  }
  return out;
}

function pickCursor({ userId, readSeq, deliveredSeq, readTimeMs }: CursorEvent) {
  return { userId, readSeq, deliveredSeq, readTimeMs };
}
