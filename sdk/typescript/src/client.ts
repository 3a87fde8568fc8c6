/** The client: connects, keeps the local copy true, and is where everything else is reached from. */

import { Caller } from "./caller.js";
import type { Connected } from "./connected.js";
import type { Conversation } from "./conversation.js";
import { Emitter } from "./emitter.js";
import { asSkeinError, SkeinError } from "./error.js";
import { AccountService } from "./gen/skein/v1/account_pb.js";
import { GroupService } from "./gen/skein/v1/group_pb.js";
import { Leader } from "./leader/leader.js";
import { DEFAULT_LIMITS, type Limits, limitsFromWire } from "./limits.js";
import type { Gateways } from "./link/gateways.js";
import type { Device, User } from "./model/account.js";
import { deviceFromWire, userFromWire } from "./model/convert.js";
import { gatewaysOf, httpTo, linkOptions, nameOf, watchNetwork } from "./network.js";
import { type Observable, Value } from "./observable.js";
import type { ClientEvents, ClientOptions } from "./options.js";
import { OutboxView } from "./outbox_view.js";
import { People } from "./people.js";
import { Presences } from "./presence/presences.js";
import type { Room } from "./room/room.js";
import { RoomLink } from "./room/room_link.js";
import { Signals } from "./signal/signals.js";
import { State } from "./state.js";
import { type ConnectionStatus, isUp } from "./status.js";
import { IndexedDbStorage } from "./storage/indexeddb.js";
import { MemoryStorage } from "./storage/memory.js";
import { openStorage } from "./storage/open.js";
import type { Intent, Storage, Stored } from "./storage/storage.js";
import { loneTab, openTabs, type TabMessage, type Tabs } from "./tabs.js";
import { fixedToken, type TokenProvider } from "./tokens.js";
import { uuidV7 } from "./uuid.js";

/** Other tabs may say so much while this one loads; if it is more, it loads again. */
const EARLY_MAX = 500;
/** A leader that does not answer for so long is frozen: another tab takes over. */
const SILENT_LEADER_MS = 4_000;

export class Client {
  readonly userId: string;
  readonly #emitter = new Emitter<ClientEvents>();
  readonly #status = new Value<ConnectionStatus>({ state: "connecting", attempt: 1 });
  readonly #gateways: Gateways;
  readonly #caller: Caller;
  readonly #people: People;
  /** Short words between devices that are connected: typing, commands, the application's own. */
  readonly signals: Signals;
  /** Who is there, and how one looks to others. */
  readonly presence: Presences;
  readonly #state: State;
  readonly #rooms: RoomLink;
  #storage: Storage = new MemoryStorage();
  #connected: Connected | undefined;
  #begun = false;
  #closed = false;
  readonly #outbox: OutboxView;
  #limits: Limits = DEFAULT_LIMITS;
  #serverAheadMs = 0;
  #tokens: TokenProvider = () => Promise.reject(SkeinError.offline());

  constructor(private readonly options: ClientOptions) {
    this.userId = options.userId;
    this.#gateways = gatewaysOf(options);
    this.#caller = new Caller(httpTo(options, this.#gateways, this.#fetch), (reason) => this.#tokens(reason));
    const storage = () => this.#storage;
    this.#people = new People(this.#caller, storage);
    this.presence = new Presences(this.#caller, (userIds) => this.#toLeader({ type: "watch", userIds }));
    this.signals = new Signals(options.userId, this.#caller, () => isUp(this.#status.current));
    this.#rooms = new RoomLink(() => {
      const gateways = gatewaysOf(options);
      const link = linkOptions(options, gateways, (reason) => this.#tokens(reason), this.#fetch);
      return { ...link, http: httpTo(options, gateways, this.#fetch) };
    });
    this.#outbox = new OutboxView(storage, {
      read: (records) => this.#state.takeOutbox(records),
      failed: (error) => {
        if (!this.#closed) this.#emitter.emit("storageFailed", { error });
      },
    });
    this.#state = new State({
      me: options.userId,
      caller: this.#caller,
      get storage() {
        return storage();
      },
      written: () => this.#connected?.leader?.written() ?? Promise.resolve(),
      absorb: (entries, messages) => this.#toLeader({ type: "absorb", entries, messages }),
      pullUser: () => this.#toLeader({ type: "pull" }),
      outboxChanged: () => this.#outboxChanged(),
      putIntent: (intent) => this.#putIntent(intent),
      signals: this.signals,
      look: (conversationId) => this.#toLeader({ type: "look", conversationId }),
    });
  }

  /** How the connection is. */
  get status(): Observable<ConnectionStatus> {
    return this.#status;
  }
  /** The own profile. */
  get me(): Observable<User | undefined> {
    return this.#state.me;
  }
  /** As the server sorts them; without hidden ones and those that were left. Archived ones are among them. */
  get conversations(): Observable<readonly Conversation[]> {
    return this.#state.conversations;
  }
  /** Of the conversations that notify. */
  get totalUnread(): Observable<number> {
    return this.#state.totalUnread;
  }
  get blocked(): Observable<ReadonlySet<string>> {
    return this.#state.blocked;
  }
  get settings(): Observable<Readonly<Record<string, string>>> {
    return this.#state.settings;
  }
  get limits(): Limits {
    return this.#limits;
  }
  /** This moment, by the server's clock. */
  get serverTimeMs(): number {
    return Date.now() + this.#serverAheadMs;
  }

  /** Returns the unsubscribe. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /**
   * Loads what is stored, then connects in the background. Resolves when the stored state is there to be shown, with or without a network.
   * A client connects once; after `close` make a new one.
   */
  async connect(token: string | TokenProvider): Promise<void> {
    if (this.#closed) throw SkeinError.closed();
    if (this.#begun) throw new SkeinError("INVALID_ARGUMENT", "the client is connected already");
    this.#begun = true;
    const tokens = typeof token === "string" ? fixedToken(token) : token;
    this.#tokens = tokens;
    const storage = await openStorage(this.options.storage, nameOf(this.options), (error) =>
      this.#emitter.emit("storageFailed", { error }),
    );
    if (this.#closed) {
      storage.close();
      throw SkeinError.closed();
    }
    this.#storage = storage;
    const tabs = this.#openTabs(storage);
    const stopListening = watchNetwork(() => this.#networkChanged());
    const connected: Connected = { tabs, storage, tokens, stopListening, leader: undefined, doubt: undefined };
    this.#connected = connected;
    await this.#restore(connected);
    if (this.#connected !== connected) throw SkeinError.closed();
    tabs.onDeposed = () => this.#deposed(connected);
    this.#doubt(connected);
    this.#waitToLead(connected);
  }

  /** Shows what is stored, and then what other tabs said while it was loaded. */
  async #restore(connected: Connected): Promise<void> {
    let early: TabMessage[] = [];
    connected.tabs.onMessage = (message) => early.push(message);
    let stored = await this.#load(connected);
    while (early.length > EARLY_MAX && this.#connected === connected) {
      early = [];
      stored = await this.#load(connected);
    }
    if (this.#connected !== connected) return;
    this.#state.restore(stored);
    this.#people.restore(stored.people);
    connected.tabs.onMessage = (message) => this.#onTab(message);
    for (const message of early) this.#onTab(message);
  }

  /** Begins with nothing where the storage cannot be read: everything is on the server, too. */
  async #load({ storage }: Connected): Promise<Stored> {
    try {
      return await storage.load();
    } catch (error) {
      this.#emitter.emit("storageFailed", { error });
      return new MemoryStorage().load();
    }
  }

  #openTabs(storage: Storage): Tabs {
    const { tabs = openTabs } = this.options;
    return storage instanceof IndexedDbStorage ? tabs(nameOf(this.options)) : loneTab();
  }

  #waitToLead(connected: Connected): void {
    void connected.tabs.lead().then(() => this.#lead(connected));
  }

  /** Asks the tab that leads for a sign of life, and takes over when there is none. */
  #doubt(connected: Connected): void {
    if (!connected.tabs.shared || connected.leader !== undefined) return;
    connected.tabs.post({ type: "hello" });
    connected.doubt ??= setTimeout(() => {
      connected.doubt = undefined;
      // A hidden tab has no reason to take it from another one.
      const hidden = typeof document !== "undefined" && document.visibilityState === "hidden";
      if (this.#connected === connected && connected.leader === undefined && !hidden) connected.tabs.takeOver();
    }, SILENT_LEADER_MS);
  }

  #trust(connected: Connected): void {
    clearTimeout(connected.doubt);
    connected.doubt = undefined;
  }

  #networkChanged(): void {
    if (this.#connected === undefined) return;
    this.#connected.leader?.networkChanged();
    this.#doubt(this.#connected);
  }

  /** Another tab has taken over; this one follows, and waits for its turn. */
  #deposed(connected: Connected): void {
    if (this.#connected !== connected) return;
    connected.leader?.stop();
    connected.leader = undefined;
    this.#doubt(connected);
    this.#waitToLead(connected);
  }

  /** Ends the connection. What is stored stays. Resolves when everything is written. */
  async close(): Promise<void> {
    await this.#end({ state: "closed", code: "client", text: "closed here" });
  }

  /** While the status is `waiting`: tries to connect at once instead of at the planned time. */
  tryNow(): void {
    this.#toLeader({ type: "tryNow" });
  }

  /** Always the same object for an id. */
  conversation(conversationId: string): Conversation {
    return this.#state.conversation(conversationId);
  }

  /** A live room, always the same object for an id; `join` goes in. */
  room(id: string): Room {
    return this.#rooms.room(id);
  }

  /** One-to-one; with one's own id, notes to oneself. It is there at once, also before the first message. */
  direct(userId: string): Conversation {
    const [low, high] = BigInt(userId) < BigInt(this.userId) ? [userId, this.userId] : [this.userId, userId];
    return this.conversation(`${low}:${high}`);
  }

  async createGroup(name: string, userIds: readonly string[]): Promise<Conversation> {
    const request = { name, userIds: userIds.map(BigInt), clientGroupId: uuidV7() };
    const { group } = await this.#caller.call(GroupService.method.createGroup, request);
    if (group === undefined) throw new SkeinError("MALFORMED", "the server's answer lacks the group");
    const conversation = this.conversation(group.conversationId);
    await conversation.refresh();
    return conversation;
  }

  /** By the exact user name, or by id. Throws `NOT_FOUND`. */
  async findUser(by: { readonly username: string } | { readonly userId: string }): Promise<User> {
    const { user } = await this.#caller.call(AccountService.method.findUser, {
      by: "username" in by ? { case: "username", value: by.username } : { case: "userId", value: BigInt(by.userId) },
    });
    if (user === undefined) throw new SkeinError("NOT_FOUND", "there is no such user");
    const found = userFromWire(user);
    this.#people.keep(found);
    return found;
  }

  /** A profile, as far as known. Watching it fetches it. */
  user(userId: string): Observable<User | undefined> {
    return userId === this.userId ? this.#state.me : this.#people.get(userId);
  }

  async devices(): Promise<readonly Device[]> {
    const { devices } = await this.#caller.call(AccountService.method.listDevices, {});
    return devices.map(deviceFromWire);
  }

  /** Logs another device out, at once. */
  async revokeDevice(deviceId: string): Promise<void> {
    await this.#caller.call(AccountService.method.revokeDevice, { deviceId });
  }

  async updateProfile(change: {
    readonly displayName?: string;
    readonly avatar?: string;
    readonly bio?: string;
  }): Promise<void> {
    const { user } = await this.#caller.call(AccountService.method.updateProfile, change);
    if (user !== undefined) this.#state.me.set(userFromWire(user));
    this.#toLeader({ type: "pull" });
  }

  async changePassword(oldPassword: string, newPassword: string): Promise<void> {
    await this.#caller.call(AccountService.method.changePassword, { oldPassword, newPassword });
  }

  async setBlocked(userId: string, blocked: boolean): Promise<void> {
    await this.#caller.call(AccountService.method.setBlocked, { userId: BigInt(userId), blocked });
    const next = new Set(this.#state.blocked.current);
    if (blocked) next.add(userId);
    else next.delete(userId);
    this.#state.blocked.set(next);
    this.#toLeader({ type: "pull" });
  }

  /** One of the user's settings, on all devices. An empty value removes it. */
  async putSetting(key: string, value: string): Promise<void> {
    await this.#caller.call(AccountService.method.putSetting, { key, value });
    this.#toLeader({ type: "pull" });
  }

  /** Logs this device out, and removes what is stored here. Offline, only the latter happens: the error says so. */
  async logOut(): Promise<void> {
    let failed: unknown;
    try {
      await this.#caller.call(AccountService.method.logOut, {});
    } catch (thrown) {
      failed = thrown;
    }
    this.#connected?.tabs.post({ type: "bye" });
    await this.close();
    await this.wipe();
    if (failed !== undefined) throw asSkeinError(failed);
  }

  /** Removes what is stored in this browser for this user. The client is closed then. */
  async wipe(): Promise<void> {
    await this.close();
    await this.#storage.destroy();
  }

  readonly #fetch: typeof fetch = (...request) => (this.options.fetch ?? fetch)(...request);

  /** This tab leads from now on. */
  async #lead(connected: Connected): Promise<void> {
    if (this.#connected !== connected || connected.leader !== undefined) return;
    this.#trust(connected);
    const stored = await this.#load(connected);
    if (this.#connected !== connected || connected.leader !== undefined) return;
    const link = linkOptions(this.options, this.#gateways, connected.tokens, this.#fetch);
    connected.leader = new Leader(this.userId, this.#caller, connected.storage, stored, link, {
      changed: (changes, live) => this.#tellTabs(connected, { type: "changes", changes, live }),
      signals: (signals) => this.#tellTabs(connected, { type: "signals", signals }),
      presence: (presences) => this.#tellTabs(connected, { type: "presence", presences }),
      status: (status) => this.#tellTabs(connected, { type: "status", status }),
      welcome: (limits, serverTimeMs) => {
        if (limits !== undefined) this.#limits = limitsFromWire(limits);
        this.#serverAheadMs = serverTimeMs - Date.now();
        this.#postWelcome(connected.tabs);
      },
      outboxChanged: () => void this.#outboxChanged(),
      draftTold: (conversationId, text) => this.#tellTabs(connected, { type: "draftTold", conversationId, text }),
      storageFailed: (error) => this.#emitter.emit("storageFailed", { error }),
    });
    connected.leader.start();
  }

  /** To all tabs, this one too. */
  #tellTabs({ tabs }: Connected, message: TabMessage): void {
    tabs.post(message);
    this.#onTab(message);
  }

  #postWelcome(tabs: Tabs): void {
    tabs.post({ type: "welcome", limits: this.#limits, serverAheadMs: this.#serverAheadMs });
  }

  /** What another tab says, or this one to itself. */
  #onTab(message: TabMessage): void {
    const connected = this.#connected;
    if (connected === undefined) return;
    switch (message.type) {
      case "changes":
        this.#state.apply(message.changes);
        for (const live of message.live) {
          this.signals.typing.end(live.conversationId, live.senderId);
          this.#emitter.emit("message", { conversation: this.conversation(live.conversationId), message: live });
        }
        break;
      case "signals":
        for (const signal of message.signals) {
          this.signals.take(signal);
          this.#emitter.emit("signal", signal);
        }
        break;
      case "presence":
        this.presence.take(message.presences);
        break;
      case "watch":
        connected.leader?.watch(message.userIds);
        break;
      case "status":
        this.#trust(connected);
        this.#takeStatus(message.status);
        break;
      case "welcome":
        this.#limits = message.limits;
        this.#serverAheadMs = message.serverAheadMs;
        break;
      case "outbox":
        connected.leader?.wakeCourier();
        void this.#outbox.read();
        break;
      case "intent":
        this.#state.takeIntent(message.intent);
        connected.leader?.intend(message.intent);
        break;
      case "absorb":
        connected.leader?.absorb(message.entries, message.messages);
        break;
      case "tryNow":
        connected?.leader?.tryNow();
        break;
      case "pull":
        connected.leader?.pullUser();
        break;
      case "draftTold":
        this.#state.conversation(message.conversationId).draftTold(message.text);
        break;
      case "look":
        connected.leader?.look(message.conversationId);
        break;
      case "hello":
        if (connected.leader !== undefined) {
          connected.tabs.post({ type: "status", status: this.#status.current });
          this.#postWelcome(connected.tabs);
        }
        break;
      case "bye":
        void this.#end({ state: "closed", code: "TOKEN_REVOKED", text: "logged out in another tab" });
        break;
    }
  }

  /** To the tab that leads, which may be this one. */
  #toLeader(message: TabMessage): void {
    if (this.#connected?.leader === undefined) this.#connected?.tabs.post(message);
    else this.#onTab(message);
  }

  #takeStatus(status: ConnectionStatus): void {
    if (status.state === "closed") {
      void this.#end(status);
      return;
    }
    const { current } = this.#status;
    const wasUp = isUp(current);
    // The end of every small repair says it again.
    const same = current.state === "online" && status.state === "online" && current.transport === status.transport;
    if (!same) this.#status.set(status);
    if (!wasUp && isUp(status)) {
      this.#people.retry();
      this.presence.retry();
      this.#state.retryLoads();
    }
  }

  async #outboxChanged(): Promise<void> {
    this.#connected?.tabs.post({ type: "outbox" });
    this.#connected?.leader?.wakeCourier();
    await this.#outbox.read();
  }

  /** Shown and told also when it cannot be kept. */
  async #putIntent(intent: Intent): Promise<void> {
    this.#state.takeIntent(intent);
    try {
      await this.#storage.putIntent(intent);
    } catch (error) {
      if (!this.#closed) this.#emitter.emit("storageFailed", { error });
    }
    this.#connected?.tabs.post({ type: "intent", intent });
    this.#connected?.leader?.intend(intent);
  }

  async #end(status: ConnectionStatus & { readonly state: "closed" }): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const connected = this.#connected;
    this.#connected = undefined;
    this.#caller.closed = true;
    this.#people.stop();
    this.#rooms.stop();
    this.signals.typing.stop();
    connected?.stopListening();
    connected?.leader?.stop();
    if (connected !== undefined) this.#trust(connected);
    this.#status.set(status);
    if (connected !== undefined) this.#emitter.emit("closed", { code: status.code, text: status.text });
    // The next leader begins with what this one has written.
    await connected?.leader?.written();
    connected?.tabs.leave();
    connected?.storage.close();
  }
}
