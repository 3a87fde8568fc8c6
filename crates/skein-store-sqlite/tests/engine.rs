//! What is the engine's own: files, locks, full disks, full queues, batches.

use std::{path::Path, sync::Arc};

use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use skein_store::{
    Refusal, Result, StoreError,
    account::{AccountStore as _, UserRow},
    message::{AppendMessage, Appended, MessageStore as _},
    sync::{HistoryFrom, SyncStore as _},
};
use skein_store_sqlite::{OpenError, SqliteConfig, SqliteStore};

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);

fn pair() -> ConversationId {
    ConversationId::direct(ANN, BOB)
}

/// A store with two users in it.
async fn open(directory: &Path, config: SqliteConfig) -> Arc<SqliteStore> {
    let store = SqliteStore::open(directory, config).expect("the directory opens");
    for id in [ANN, BOB] {
        let user = v1::User { user_id: id.0, username: format!("user{id}"), ..Default::default() };
        let row = UserRow { user, password_hash: String::new(), external_id: String::new() };
        match store.create_user(row).await {
            Ok(()) | Err(StoreError::Refused(Refusal::AlreadyExists)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    Arc::new(store)
}

async fn append(store: &SqliteStore, conversation: ConversationId, number: u64, text: &str) -> Result<Appended> {
    let text = v1::Text { text: text.to_owned(), ..Default::default() };
    let message = AppendMessage {
        conversation,
        sender: ANN,
        client_message_id: format!("01999999-0000-7000-8000-{number:012x}"),
        content: v1::Content { body: Some(text.into()), ..Default::default() },
        client_time_ms: 0,
        options: v1::SendOptions::default(),
        external_id: String::new(),
        now_ms: 1_790_000_000_000,
    };
    store.append_message(message).await
}

async fn history(store: &SqliteStore) -> Vec<v1::Message> {
    store.list_history(BOB, pair(), HistoryFrom::After(0), 10_000).await.expect("Bob is in it").messages
}

/// Seqs without a gap, as many as were acked.
async fn assert_contiguous(store: &SqliteStore, acked: u64) {
    let seqs: Vec<u64> = history(store).await.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=acked).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_second_open_is_refused_until_the_first_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(directory.path(), SqliteConfig::default()).unwrap();
    let second = SqliteStore::open(directory.path(), SqliteConfig::default());
    assert!(matches!(&second, Err(OpenError::AlreadyRunning { path }) if path == directory.path()), "{second:?}");
    assert!(second.unwrap_err().to_string().contains("already running"));
    drop(first);
    SqliteStore::open(directory.path(), SqliteConfig::default()).unwrap();
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = SqliteStore::open(&file, SqliteConfig::default()).unwrap_err();
    assert!(matches!(error, OpenError::Directory { .. }), "{error}");
}

#[tokio::test]
async fn everything_is_there_after_opening_again_and_ids_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), SqliteConfig::default()).await;
    for number in 0..50 {
        append(&store, pair(), number, "text").await.unwrap();
    }
    let before = history(&store).await;
    let world = store.pull_user(BOB, 0, 0, 100, 5).await.unwrap();
    drop(store);
    let store = open(directory.path(), SqliteConfig::default()).await;
    assert_eq!(history(&store).await, before);
    assert_eq!(store.pull_user(BOB, 0, 0, 100, 5).await.unwrap(), world);
    let again = append(&store, pair(), 7, "text").await.unwrap();
    assert_eq!((again.duplicate, again.message.seq), (true, 8));
    let next = append(&store, pair(), 50, "text").await.unwrap().message;
    assert_eq!(next.seq, 51);
    assert!(next.message_id > before[49].message_id);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), SqliteConfig::default()).await;
    append(&store, pair(), 1, "text").await.unwrap();
    store.close();
    store.close();
    assert!(matches!(append(&store, pair(), 2, "text").await, Err(StoreError::Closed)));
    assert!(matches!(store.lookup_user(ANN).await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn a_full_disk_refuses_and_what_was_acked_stays() {
    let directory = tempfile::tempdir().unwrap();
    let small = SqliteConfig { database_pages_max: 100, ..SqliteConfig::default() };
    let store = open(directory.path(), small).await;
    let text = "x".repeat(4_000);
    let mut acked = 0;
    let refused = loop {
        match append(&store, pair(), acked, &text).await {
            Ok(_) => acked += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full), "{refused}");
    assert!(acked > 3, "{acked} were acked");
    assert!(matches!(append(&store, pair(), 1_000, &text).await, Err(StoreError::Full)), "it goes on refusing");
    assert_contiguous(&store, acked).await;
    let entry = store.pull_user(BOB, 0, 0, 10, 0).await.unwrap().entries.remove(0);
    assert_eq!((entry.unread, entry.last_seq), (acked, acked), "nothing of the refused ones is left");
    drop(store);
    // With more room it goes on where it was: the refused one is stored when it is repeated.
    let store = open(directory.path(), SqliteConfig::default()).await;
    let repeated = append(&store, pair(), acked, &text).await.unwrap();
    assert_eq!((repeated.message.seq, repeated.duplicate), (acked + 1, false));
}

#[tokio::test]
async fn a_batch_that_does_not_fit_keeps_what_does() {
    let directory = tempfile::tempdir().unwrap();
    let small = SqliteConfig { database_pages_max: 120, ..SqliteConfig::default() };
    let store = open(directory.path(), small).await;
    let texts = ["x".repeat(20), "x".repeat(30_000)];
    let appends = (0..64).map(|number: u64| {
        let (store, text) = (store.clone(), texts[usize::from(number.is_multiple_of(4))].clone());
        async move { append(&store, pair(), number, &text).await }
    });
    let outcomes = futures::future::join_all(appends).await;
    let acked = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let full = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::Full))).count() as u64;
    assert!(acked > 0 && full > 0, "{acked} acked, {full} refused");
    assert_eq!(acked + full, 64);
    assert_contiguous(&store, acked).await;
}

#[tokio::test]
async fn a_full_queue_says_overloaded_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let tight = SqliteConfig { writer_queue_max: 2, batch_max: 1, ..SqliteConfig::default() };
    let store = open(directory.path(), tight).await;
    // All are queued before the first can be answered, since this test has one thread.
    let appends = (0..200).map(|number| append(&store, pair(), number, "text"));
    let outcomes = futures::future::join_all(appends).await;
    let acked = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let overloaded = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::Overloaded))).count() as u64;
    assert!(acked > 0 && overloaded > 0, "{acked} acked, {overloaded} refused");
    assert_eq!(acked + overloaded, 200);
    assert_contiguous(&store, acked).await;
}

#[tokio::test]
async fn a_refused_job_does_not_touch_its_neighbours() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), SqliteConfig::default()).await;
    let appends = (0..100).map(|number| {
        // Every fourth one writes to a group that does not exist.
        let to = if number % 4 == 0 { ConversationId::group(999) } else { pair() };
        append(&store, to, number, "text")
    });
    let outcomes = futures::future::join_all(appends).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 75);
    assert_contiguous(&store, 75).await;
}

#[tokio::test]
async fn a_job_that_fails_does_not_fail_its_neighbours() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), SqliteConfig::default()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100u64 {
        let store = store.clone();
        tasks.spawn(async move {
            if number % 10 == 0 {
                // A setting of somebody who does not exist is an error of the engine, found after a write.
                store.put_setting(UserId(404), "key", "value").await.map(drop)
            } else {
                append(&store, pair(), number, "text").await.map(drop)
            }
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 90);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::Internal(_)))));
    assert_contiguous(&store, 90).await;
}
