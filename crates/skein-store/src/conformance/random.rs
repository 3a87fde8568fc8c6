//! Random sequences of operations, from seeds: derived numbers equal a recount, and pulling changes equals pulling all.

use std::collections::BTreeMap;

use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};

use super::{
    World,
    world::{START_MS, id_of, text_content},
};
use crate::{Result, StoreError, conversation::EntryChange, message::MessageChange};

const SEEDS: u64 = 4;
const STEPS: usize = 150;
const USERS: usize = 5;

/// SplitMix64: the same sequence everywhere for a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

/// A group of a few; the first one owns it, never leaves, and never clears or hides anything.
struct Scene {
    world: World,
    users: [UserId; USERS],
    group: ConversationId,
    random: Random,
}

impl Scene {
    async fn new(world: &World, seed: u64) -> Self {
        let users = world.users().await;
        let group = world.group(&users).await;
        Self { world: world.clone(), users, group, random: Random(seed) }
    }

    /// One random operation of a random user; many are refused.
    async fn step(&mut self) {
        let actor = self.users[self.random.below(USERS)];
        let other = self.users[1 + self.random.below(USERS - 1)];
        let messages = self.world.history(self.users[0], self.group).await;
        let message = &messages[self.random.below(messages.len())];
        let (store, group) = (&self.world.store, self.group);
        let outcome: Result<()> = match self.random.below(12) {
            0..=3 => {
                let mut message = self.world.message(actor, group, "text");
                message.options.no_count = self.random.below(5) == 0;
                self.world.append(&message).await.map(drop)
            }
            4 | 5 => store.set_read(actor, group, message.seq, START_MS).await.map(drop),
            6 => store.set_delivered(actor, group, message.seq).await.map(drop),
            7 => store.remove_members(self.users[0], group, &[other], START_MS).await.map(drop),
            8 => store.add_members(actor, group, &[other], START_MS).await.map(drop),
            9 => {
                let change = match self.random.below(2) {
                    0 => MessageChange::Recall { window_ms: 1 },
                    _ => MessageChange::Edit { content: text_content("edited"), window_ms: 1 },
                };
                store.change_message(actor, group, id_of(message), change, START_MS).await.map(drop)
            }
            10 => store.hide_messages(other, group, &[id_of(message)]).await.map(drop),
            _ if self.random.below(3) == 0 => {
                store.clear_entry(other, group, self.random.below(2) == 0).await.map(drop)
            }
            _ => {
                let change = EntryChange { pinned: Some(self.random.below(2) == 0), ..Default::default() };
                store.set_entry(actor, group, change).await.map(drop)
            }
        };
        assert!(matches!(outcome, Ok(()) | Err(StoreError::Refused(_))), "the store failed: {outcome:?}");
    }
}

/// After every step each member's unread is what a count of the messages above its floor gives.
pub async fn unread_equals_a_recount(world: World) {
    for seed in 0..SEEDS {
        let mut scene = Scene::new(&world, seed).await;
        for step in 0..STEPS {
            scene.step().await;
            let all = world.history(scene.users[0], scene.group).await;
            for user in scene.users {
                let Ok(entry) = world.store.lookup_entry(user, scene.group).await else { continue };
                assert_eq!(entry.unread, recount(&all, user, &entry), "seed {seed}, step {step}, user {user}");
            }
        }
    }
}

/// Messages above the newest of joining, clearing, reading and the own last message, without those that do not count.
fn recount(all: &[v1::Message], user: UserId, entry: &v1::ConversationEntry) -> u64 {
    let own = all.iter().filter(|message| message.sender_id == user.0).map(|message| message.seq).max();
    let floor = (entry.first_seq - 1).max(entry.cleared_seq).max(entry.read_seq).max(own.unwrap_or(0));
    let counts = |message: &&v1::Message| message.seq > floor && message.sender_id != 0 && !message.options.no_count;
    all.iter().filter(counts).count() as u64
}

/// What a client knows that pulls changes now and then is what a new client pulls; versions only grow.
pub async fn pulling_changes_equals_pulling_all(world: World) {
    for seed in 0..SEEDS {
        let mut scene = Scene::new(&world, 1_000 + seed).await;
        let mut clients: Vec<Client> = scene.users.iter().map(|user| Client::new(*user)).collect();
        for step in 0..STEPS {
            scene.step().await;
            let client = scene.random.below(USERS);
            clients[client].catch_up(&world, scene.group).await;
            if step + 1 == STEPS {
                for client in &mut clients {
                    client.catch_up(&world, scene.group).await;
                    client.check(&world, scene.group, seed).await;
                }
            }
        }
    }
}

/// What a device keeps, and how it merges.
struct Client {
    user: UserId,
    version: u64,
    conversation_version: u64,
    entry: Option<v1::ConversationEntry>,
    messages: BTreeMap<u64, v1::Message>,
}

impl Client {
    fn new(user: UserId) -> Self {
        Self { user, version: 0, conversation_version: 0, entry: None, messages: BTreeMap::new() }
    }

    async fn catch_up(&mut self, world: &World, group: ConversationId) {
        let pulled = world.pull(self.user, self.version).await;
        assert!(pulled.version >= self.version);
        self.version = pulled.version;
        for entry in pulled.entries {
            self.messages.retain(|seq, message| {
                entry.member && *seq >= entry.first_seq && !entry.deleted_message_ids.contains(&message.message_id)
            });
            if !entry.member {
                self.conversation_version = 0;
            }
            self.entry = Some(v1::ConversationEntry { deleted_message_ids: Vec::new(), ..entry });
        }
        while self.entry.as_ref().is_some_and(|entry| entry.conversation_version > self.conversation_version) {
            let pulled = world.store.pull_conversation(self.user, group, self.conversation_version, 3).await;
            let pulled = super::world::done(pulled);
            assert!(pulled.version > self.conversation_version, "every page moves on");
            self.conversation_version = pulled.version;
            self.messages.extend(pulled.messages.into_iter().map(|message| (message.seq, message)));
        }
    }

    async fn check(&self, world: &World, group: ConversationId, seed: u64) {
        let pulled = world.pull(self.user, 0).await.entries.pop();
        let fresh = pulled.map(|entry| v1::ConversationEntry { deleted_message_ids: Vec::new(), ..entry });
        assert_eq!(self.entry, fresh, "seed {seed}, user {}", self.user);
        if fresh.is_some_and(|entry| entry.member) {
            let history = world.history(self.user, group).await;
            assert_eq!(self.messages.values().cloned().collect::<Vec<_>>(), history, "seed {seed}, user {}", self.user);
        } else {
            assert!(self.messages.is_empty());
        }
    }
}
