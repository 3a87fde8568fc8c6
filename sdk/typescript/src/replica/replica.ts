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
import type { ConversationHead, PullConversationResponse, PullUserResponse } from "../gen/skein/v1/sync_pb.js";
import { conversationFromWire, cursorFromWire, messageFromWire, userFromWire } from "../model/convert.js";
import type { Message } from "../model/message.js";
import type { Changes, ConversationRecord, Stored, UserRecord } from "../storage/storage.js";
import { Changeset } from "./changeset.js";
import { Known, TAIL_MESSAGES_MAX } from "./known.js";

/** A conversation that is further behind than this starts over from its newest messages; older ones are fetched when they are looked at. */
export const CATCH_UP_CHANGES_MAX = 1_000;

/** Conversations whose ticks are asked for after an interruption. */
const TICKS_MAX = 20;

/** How much is kept and caught up; smaller in tests. */
export interface ReplicaLimits {
  readonly catchUpChangesMax: number;
  readonly tailMessagesMax: number;
}

const LIMITS: ReplicaLimits = { catchUpChangesMax: CATCH_UP_CHANGES_MAX, tailMessagesMax: TAIL_MESSAGES_MAX };

/** What has to be pulled: the user timeline, a conversation, or an entry from which a conversation starts over. */
export type Need =
  | { readonly kind: "user" }
  | { readonly kind: "conversation"; readonly conversationId: string }
  | { readonly kind: "entry"; readonly conversationId: string };

/** What to ask of the user timeline. */
export interface UserPage {
  readonly sinceVersion: number;
  readonly beforeVersion: number;
}

interface UserPull {
  readonly since: number;
  /** Of the first page of this pass. */
  head: number | undefined;
  pages: number;
  /** Everything up to here was seen by the pass before. */
  readonly seenThrough: number | undefined;
  before: number;
}

export class Replica {
  readonly #conversations = new Map<string, Known>();
  readonly #needed = new Set<string>();
  /** Large groups that are too far behind: they start over from their entry. */
  readonly #restarting = new Set<string>();
  /** Conversations that are being looked at: their cursors move without a new version. */
  readonly #looked = new Set<string>();
  readonly #deleted: ReadonlyMap<string, readonly string[]>;
  private user: UserRecord;
  #needsUser = false;
  #pull: UserPull | undefined;

  constructor(
    private readonly me: string,
    stored: Pick<Stored, "user" | "conversations" | "deleted">,
    private readonly limits = LIMITS,
  ) {
    this.user = stored.user;
    this.#deleted = new Map(stored.deleted.map(({ conversationId, messageIds }) => [conversationId, messageIds]));
    for (const record of stored.conversations) {
      const known = this.#keep(record, record.conversationId);
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

  /** Somebody looks at this conversation, or still does after an interruption: what is not told by versions is asked for. */
  look(conversationId: string): void {
    if (this.#conversations.get(conversationId)?.record.entry?.member) this.#looked.add(conversationId);
  }

  /** Pushes were missed: whether own last words were read meanwhile is asked for, in the conversations on top of the list. */
  lookAtTicks(): void {
    const waiting = [...this.#conversations].filter(([, known]) => known.awaitsReading).map(([id]) => id);
    for (const conversationId of this.#fromTheTop(waiting).slice(0, TICKS_MAX)) this.look(conversationId);
  }

  /** What has to be pulled now: the user timeline first, then conversations, the ones on top of the list first. */
  needs(): readonly Need[] {
    if (this.#needsUser) return [{ kind: "user" }];
    for (const id of this.#needed) if (this.#conversations.get(id)?.behind !== true) this.#needed.delete(id);
    const ids = new Set([...this.#restarting, ...this.#looked, ...this.#needed]);
    return this.#fromTheTop(ids).map((conversationId) => ({
      kind: this.#restarting.has(conversationId) ? "entry" : "conversation",
      conversationId,
    }));
  }

  /** Conversations in the order of the list. */
  #fromTheTop(conversationIds: Iterable<string>): readonly string[] {
    const order = (id: string) => this.#conversations.get(id)?.record.entry?.sortKey ?? 0n;
    return [...conversationIds].sort((a, b) => (order(a) > order(b) ? -1 : order(a) < order(b) ? 1 : 0));
  }

  /** A conversation cannot be pulled any more: the user timeline says why. */
  giveUp(conversationId: string): void {
    this.#needed.delete(conversationId);
    this.#looked.delete(conversationId);
    this.#restarting.delete(conversationId);
  }

  /** The user timeline is asked for: what happens from now on may be missing in the answer. Returns the first page to ask for. */
  beginUserPull(): UserPage {
    this.#needsUser = false;
    this.#pull = { since: this.user.version, head: undefined, pages: 0, seenThrough: undefined, before: 0 };
    return { sinceVersion: this.user.version, beforeVersion: 0 };
  }

  /** The page to ask for after the one that was merged; undefined: that was all. */
  get nextUserPage(): UserPage | undefined {
    return this.#pull && { sinceVersion: this.#pull.since, beforeVersion: this.#pull.before };
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
    // A late one that is known of already. It may be older than what is on the server, and is held if it has to be.
    else if (Number(message.version) > known.record.version)
      this.#mergeMessage(changes, known, messageFromWire(message));
  }

  #mergeMessage(changes: Changeset, known: Known, message: Message): void {
    const { conversationId, seq } = message;
    const late = message.version <= known.record.version;
    known.noteVersion(message.version);
    if (known.behind) this.#needed.add(conversationId);
    if (this.#movesMe(message)) this.#needsUser = true;
    if (seq > (known.record.entry?.clearedSeq ?? 0) && !known.isDeleted(message.messageId)) {
      changes.message(message);
      if (!late) changes.held(conversationId, [seq, seq]);
      known.noteMessage(message);
    }
    changes.conversation(known.record);
  }

  /** Whether a line of the system says that the user has come or gone: the entry is another then. */
  #movesMe({ content }: Message): boolean {
    if (content.type !== "system") return false;
    return content.userIds.includes(this.me) || (content.kind === "member_left" && content.actorId === this.me);
  }

  #pushCursor(changes: Changeset, event: CursorEvent): void {
    const known = this.#conversations.get(event.conversationId);
    if (known?.mergeCursor(cursorFromWire({ $typeName: "skein.v1.Cursor", ...pickCursor(event) }))) {
      changes.conversation(known.record);
    }
  }

  #hint(changes: Changeset, { conversationId, version }: TimelineEvent): void {
    if (conversationId !== "") {
      const known = this.#know(conversationId);
      if (known.record.entry === undefined) this.#needsUser = true;
      else this.#want(changes, known, Number(version));
    } else if (Number(version) > this.user.version) this.#needsUser = true;
  }

  #know(conversationId: string): Known {
    return this.#conversations.get(conversationId) ?? this.#keep(conversationId, conversationId);
  }

  #keep(stored: ConversationRecord | string, conversationId: string): Known {
    const known = new Known(stored, this.me, this.limits.tailMessagesMax, this.#deleted.get(conversationId));
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
        // The list will have it in a moment; the message itself must not get lost in between. What happens to it until then is not
        // known, so it does not count as held.
        this.#needsUser = true;
        changes.message(message);
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
    if (known.mergeEntry(conversationFromWire(wire)) === "stale") this.#needsUser = true;
    const entry = known.record.entry;
    if (entry !== undefined && entry.clearedSeq > cleared) changes.cleared(wire.conversationId, entry.clearedSeq);
    // An entry of a new conversation carries no messages: they are fetched when looked at, changes count from here.
    if (first && known.record.version === 0) known.startFrom(Number(wire.conversationVersion));
    changes.conversation(known.record);
    return known;
  }

  /** Takes one page of a pull of the user timeline. `messages` is the bundle, wherever it came packed. */
  mergeUserPage(page: PullUserResponse, messages: readonly WireMessage[]): Changes {
    const changes = new Changeset();
    const bundles = byConversation(messages.map(messageFromWire));
    for (const wire of page.entries) {
      this.#mergeBundle(changes, wire, bundles.get(wire.conversationId) ?? []);
    }
    for (const head of page.heads) {
      const known = this.#conversations.get(head.conversationId);
      if (known !== undefined) this.#mergeHead(changes, known, head, Number(page.version));
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
    this.#turnPage(page);
    changes.user = this.user;
    return changes.finish();
  }

  /**
   * Conversations that move while pages are turned leave the pages, and with them the list of what was deleted in them before. So the pull begins
   * again, from the same version, and ends where the pass before had begun.
   */
  #turnPage({ version, hasMore, nextBeforeVersion, entries }: PullUserResponse): void {
    const pull = this.#pull;
    if (pull === undefined) return;
    pull.head ??= Number(version);
    pull.pages += 1;
    const oldest = Number(entries.at(-1)?.version ?? 0n);
    if (hasMore && oldest > (pull.seenThrough ?? -1)) pull.before = Number(nextBeforeVersion);
    else if (pull.pages > 1) this.#pull = { ...pull, head: undefined, pages: 0, seenThrough: pull.head, before: 0 };
    else {
      this.user = { ...this.user, version: Math.max(this.user.version, pull.head) };
      this.#pull = undefined;
    }
  }

  #mergeHead(changes: Changeset, known: Known, head: ConversationHead, userVersion: number): void {
    // An entry that is newer than the page knows more than its head.
    const newer = (known.record.entry?.version ?? 0) > userVersion;
    if (!newer) known.mergeHead(Number(head.lastSeq), Number(head.unread));
    const version = Number(head.version);
    if (version - known.record.version > this.limits.catchUpChangesMax) this.#restarting.add(head.conversationId);
    known.want(version);
    if (known.behind) this.#needed.add(head.conversationId);
    changes.conversation(known.record);
  }

  /** Takes the entry from which a conversation starts over. */
  restart(wire: ConversationEntry): Changes {
    const changes = new Changeset();
    this.giveUp(wire.conversationId);
    const known = this.#mergeEntry(changes, wire);
    if (wire.member) {
      changes.reset(wire.conversationId);
      known.startFrom(Math.max(Number(wire.conversationVersion), known.record.version));
      if (known.behind) this.#needed.add(wire.conversationId);
    }
    changes.conversation(known.record);
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
    if (!first && version - before.version <= this.limits.catchUpChangesMax) {
      this.#want(changes, known, version);
      return;
    }
    // The newest messages as of this very version: nothing older needs to be known to go on from here.
    if (!first) changes.reset(wire.conversationId);
    for (const message of bundle) if (!known.isDeleted(message.messageId)) changes.message(message);
    const oldest = Math.min(...bundle.map(({ seq }) => seq));
    changes.held(wire.conversationId, [oldest, Number(wire.lastSeq)]);
    known.startFrom(Math.max(version, known.record.version));
    if (known.behind) this.#needed.add(wire.conversationId);
    changes.conversation(known.record);
  }

  /** Forgets a pull of the user timeline that broke off; it starts again from the old version. */
  abandonUserPull(): void {
    this.#pull = undefined;
    this.#needsUser = true;
  }

  /** Takes one page of a pull of a conversation. `wanted`: what was known to exist when it was asked for. */
  mergeConversationPage(conversationId: string, page: PullConversationResponse, wanted: number): Changes {
    const changes = new Changeset();
    const known = this.#know(conversationId);
    for (const wire of page.messages) {
      const message = messageFromWire(wire);
      if (message.seq <= (known.record.entry?.clearedSeq ?? 0) || known.isDeleted(message.messageId)) continue;
      changes.message(message);
      changes.held(conversationId, [message.seq, message.seq]);
      known.noteMessage(message);
    }
    known.knownThrough(Number(page.version));
    for (const cursor of page.cursors) known.mergeCursor(cursorFromWire(cursor));
    if (page.group !== undefined && Number(page.group.version) >= known.record.wanted) {
      known.mergeGroup(page.group.name, page.group.avatar, page.group.memberCount);
    }
    if (!page.hasMore) {
      this.#looked.delete(conversationId);
      // What came up meanwhile is pulled next; what the server promised and does not have is not asked for again.
      if (!known.behind || known.record.wanted <= wanted) this.#needed.delete(conversationId);
    }
    changes.conversation(known.record);
    return changes.finish();
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
