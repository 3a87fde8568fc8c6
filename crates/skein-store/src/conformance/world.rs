//! A store under test with the few moves that every case makes.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    v1,
};

use crate::{
    Refusal, Result, Store, StoreError,
    account::{DeviceRow, UserRow},
    message::{AppendMessage, Appended},
    sync::HistoryFrom,
};

/// When every case begins, Unix milliseconds.
pub(super) const START_MS: u64 = 1_790_000_000_000;

/// A store under test.
#[derive(Clone)]
pub struct World {
    pub(super) store: Arc<dyn Store>,
    made: Arc<AtomicU64>,
}

impl World {
    /// A world in an empty store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, made: Arc::new(AtomicU64::new(1)) }
    }

    /// A number never given out before.
    pub(super) fn number(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// A client id never given out before.
    pub(super) fn client_id(&self) -> String {
        format!("01999999-0000-7000-8000-{:012x}", self.number())
    }

    pub(super) async fn user(&self) -> UserId {
        let id = UserId(1_000 + self.number());
        done(self.store.create_user(user_row(id, &format!("user{id}"))).await);
        id
    }

    pub(super) async fn users<const N: usize>(&self) -> [UserId; N] {
        let mut users = [UserId(0); N];
        for user in &mut users {
            *user = self.user().await;
        }
        users
    }

    /// A group of these; the first one owns it.
    pub(super) async fn group(&self, users: &[UserId]) -> ConversationId {
        done(self.store.create_group(users[0], "group", &users[1..], "", START_MS).await).0
    }

    /// A message with all the usual.
    pub(super) fn message(&self, sender: UserId, conversation: ConversationId, text: &str) -> AppendMessage {
        AppendMessage {
            conversation,
            sender,
            client_message_id: self.client_id(),
            content: text_content(text),
            client_time_ms: START_MS,
            options: v1::SendOptions::default(),
            external_id: String::new(),
            now_ms: START_MS,
        }
    }

    pub(super) async fn append(&self, message: &AppendMessage) -> Result<Appended> {
        self.store.append_message(message.clone()).await
    }

    pub(super) async fn send(&self, sender: UserId, conversation: ConversationId, text: &str) -> v1::Message {
        done(self.append(&self.message(sender, conversation, text)).await).message
    }

    pub(super) async fn entry(&self, user: UserId, conversation: ConversationId) -> v1::ConversationEntry {
        done(self.store.lookup_entry(user, conversation).await)
    }

    /// Everything the user can read, by seq.
    pub(super) async fn history(&self, user: UserId, conversation: ConversationId) -> Vec<v1::Message> {
        done(self.store.list_history(user, conversation, HistoryFrom::After(0), 10_000).await).messages
    }

    pub(super) async fn version(&self, user: UserId) -> u64 {
        done(self.store.lookup_user_version(user).await)
    }

    pub(super) async fn pull(&self, user: UserId, since: u64) -> v1::PullUserResponse {
        done(self.store.pull_user(user, since, 0, 10_000, 0).await)
    }
}

/// A user as it registers.
pub(super) fn user_row(id: UserId, name: &str) -> UserRow {
    let user = v1::User {
        user_id: id.0,
        username: name.to_owned(),
        display_name: format!("The {name}"),
        state: v1::UserState::Active.into(),
        created_time_ms: START_MS,
        ..Default::default()
    };
    UserRow { user, password_hash: "hash".to_owned(), external_id: String::new() }
}

/// A device as it logs in.
pub(super) fn device_row(user: UserId, id: &str, refresh: u8, seen_ms: u64) -> DeviceRow {
    DeviceRow {
        device_id: id.to_owned(),
        user_id: user,
        platform: v1::Platform::Web,
        name: "a device".to_owned(),
        created_time_ms: seen_ms,
        last_seen_time_ms: seen_ms,
        generation: 1,
        refresh_hash: [refresh; 32],
        refresh_expires_ms: START_MS + 1_000,
        revoked: false,
    }
}

pub(super) fn text_content(text: &str) -> v1::Content {
    let text = v1::Text { text: text.to_owned(), ..Default::default() };
    v1::Content { body: Some(text.into()), ..Default::default() }
}

/// The text of a message; empty when it has none.
pub(super) fn text_of(message: &v1::Message) -> &str {
    match &message.content.body {
        Some(v1::content::Body::Text(text)) => &text.text,
        _ => "",
    }
}

/// The texts of those with a sender, in their order.
pub(super) fn texts(messages: &[v1::Message]) -> Vec<&str> {
    messages.iter().filter(|message| message.sender_id != 0).map(text_of).collect()
}

pub(super) fn id_of(message: &v1::Message) -> MessageId {
    MessageId(message.message_id)
}

/// What must succeed here.
#[track_caller]
pub(super) fn done<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("refused or failed: {error}"),
    }
}

/// What must be refused here; why it was.
#[track_caller]
pub(super) fn refused<T: Debug>(result: Result<T>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
