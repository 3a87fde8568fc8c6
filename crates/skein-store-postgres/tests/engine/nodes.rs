//! Several stores on one database, as several nodes of a deployment have it.

use std::sync::Arc;

use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use skein_store::{
    Result,
    account::{AccountStore as _, UserRow},
    message::{AppendMessage, Appended, MessageStore as _},
    sync::{HistoryFrom, SyncStore as _},
};
use skein_store_postgres::{DatabaseUrl, PostgresConfig, PostgresStore};
use skein_testkit::postgres::{Database, PostgresServer};

pub const ANN: UserId = UserId(1);
pub const BOB: UserId = UserId(2);
/// Users that every world has.
const USERS: u64 = 60;

/// The stores, and what keeps their database alive.
pub struct Nodes {
    pub stores: Vec<Arc<PostgresStore>>,
    pub database: Database,
}

impl Nodes {
    pub async fn start(count: usize) -> Self {
        Self::start_with(count, PostgresConfig::default()).await
    }

    pub async fn start_with(count: usize, config: PostgresConfig) -> Self {
        Self::start_on(PostgresServer::shared(), count, config).await
    }

    pub async fn start_on(server: &Arc<PostgresServer>, count: usize, config: PostgresConfig) -> Self {
        let database = server.database();
        let mut stores = Vec::new();
        for _ in 0..count {
            stores.push(node(&database, config.clone()).await);
        }
        for id in 1..=USERS {
            let user = v1::User { user_id: id, username: format!("user{id}"), ..Default::default() };
            let row = UserRow { user, password_hash: String::new(), external_id: String::new() };
            stores[0].create_user(row).await.expect("users are new");
        }
        Self { stores, database }
    }
}

pub async fn node(database: &Database, config: PostgresConfig) -> Arc<PostgresStore> {
    let config = PostgresConfig { url: DatabaseUrl::from(database.url()), ..config };
    Arc::new(PostgresStore::open(config).await.expect("the database opens"))
}

pub fn message(sender: UserId, conversation: ConversationId, number: u64, text: &str) -> AppendMessage {
    let text = v1::Text { text: text.to_owned(), ..Default::default() };
    AppendMessage {
        conversation,
        sender,
        client_message_id: client_id(number),
        content: v1::Content { body: Some(text.into()), ..Default::default() },
        client_time_ms: 0,
        options: v1::SendOptions::default(),
        external_id: String::new(),
        now_ms: 1_790_000_000_000,
    }
}

/// What the sender calls the message of this number.
pub fn client_id(number: u64) -> String {
    format!("01999999-0000-7000-8000-{number:012x}")
}

pub async fn append(
    store: &PostgresStore,
    sender: UserId,
    conversation: ConversationId,
    number: u64,
    text: &str,
) -> Result<Appended> {
    store.append_message(message(sender, conversation, number, text)).await
}

/// From the beginning.
pub fn chat() -> HistoryFrom {
    HistoryFrom::After(0)
}

pub async fn history(store: &PostgresStore, user: UserId, conversation: ConversationId) -> Vec<v1::Message> {
    store.list_history(user, conversation, chat(), 1_000_000).await.expect("the user is in it").messages
}

/// Seqs without a gap, as many as were acked, and as many unread.
pub async fn assert_contiguous(store: &PostgresStore, user: UserId, conversation: ConversationId, acked: u64) {
    let seqs: Vec<u64> = history(store, user, conversation).await.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=acked).collect::<Vec<_>>());
    let entry = store.pull_user(user, 0, 0, 100, 0).await.expect("the user exists").entries.remove(0);
    assert_eq!((entry.unread, entry.last_seq), (acked, acked));
}
