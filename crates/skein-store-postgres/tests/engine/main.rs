//! What is the engine's own: several nodes, lost connections, full disks, full queues, batches.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

mod leases;
mod nodes;
mod positions;

use std::time::Duration;

use nodes::{ANN, BOB, Nodes, append, assert_contiguous, chat, history, message, node};
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use skein_store::{
    Refusal, StoreError,
    account::AccountStore as _,
    conversation::{ConversationStore as _, EntryChange},
    group::GroupStore as _,
    message::MessageStore as _,
    sync::SyncStore as _,
};
use skein_store_postgres::{DatabaseUrl, OpenError, PostgresConfig, PostgresStore};
use skein_testkit::postgres::PostgresServer;
use tokio::task::JoinSet;

fn pair() -> ConversationId {
    ConversationId::direct(ANN, BOB)
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_migrate_once() {
    let database = PostgresServer::shared().database();
    let mut starts = JoinSet::new();
    for _ in 0..6 {
        let config = PostgresConfig { url: DatabaseUrl::from(database.url()), ..PostgresConfig::default() };
        starts.spawn(PostgresStore::open(config));
    }
    let stores: Vec<_> = starts.join_all().await.into_iter().map(|store| store.expect("every node starts")).collect();
    assert_eq!(database.run("SELECT count(*) FROM refinery_schema_history WHERE version = 1"), "1");
    for store in &stores {
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_opening_again_and_ids_go_on() {
    let mut nodes = Nodes::start(1).await;
    for number in 0..50 {
        append(&nodes.stores[0], ANN, pair(), number, "text").await.unwrap();
    }
    let before = history(&nodes.stores[0], BOB, pair()).await;
    let world = nodes.stores[0].pull_user(BOB, 0, 0, 100, 5).await.unwrap();
    nodes.stores[0].close().await;
    assert!(matches!(append(&nodes.stores[0], ANN, pair(), 99, "text").await, Err(StoreError::Closed)));
    assert!(matches!(nodes.stores[0].lookup_user(ANN).await, Err(StoreError::Closed)));
    nodes.stores = vec![node(&nodes.database, PostgresConfig::default()).await];
    let store = &nodes.stores[0];
    assert_eq!(history(store, BOB, pair()).await, before);
    assert_eq!(store.pull_user(BOB, 0, 0, 100, 5).await.unwrap(), world);
    let again = append(store, ANN, pair(), 7, "text").await.unwrap();
    assert_eq!((again.duplicate, again.message.seq), (true, 8));
    let next = append(store, ANN, pair(), 50, "text").await.unwrap().message;
    assert_eq!(next.seq, 51);
    assert!(next.message_id > before[49].message_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_write_the_same_conversations_without_gaps_or_deadlocks() {
    const EACH: u64 = 60;
    let nodes = Nodes::start(2).await;
    let users: Vec<UserId> = (1..=8).map(UserId).collect();
    let mut places = vec![nodes.stores[0].create_group(users[0], "g", &users, "", 1).await.unwrap().0];
    places.extend(users.iter().skip(1).map(|user| ConversationId::direct(users[0], *user)));
    let mut tasks = JoinSet::new();
    for (place, user) in users.iter().enumerate() {
        for (side, store) in nodes.stores.iter().enumerate() {
            let (store, places, user) = (store.clone(), places.clone(), *user);
            tasks.spawn(async move {
                for number in 0..EACH {
                    // The first user writes everywhere, each in another order; the others to the group and to the first one.
                    let own = if place == 0 { places.len() as u64 } else { 2 };
                    let turn = (number + side as u64) % own;
                    let to = if place == 0 || turn == 0 { places[turn as usize] } else { places[place] };
                    let number = (place as u64) << 32 | (side as u64) << 16 | number;
                    append(&store, user, to, number, "text").await.expect("no node is in the way of another");
                    store.set_entry(user, to, EntryChange::default()).await.expect("nor with another write");
                }
            });
        }
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let mut total = 0;
    for place in &places {
        let messages = history(&nodes.stores[1], users[0], *place).await;
        assert!(messages.iter().enumerate().all(|(at, message)| message.seq == at as u64 + 1), "{place}");
        assert!(messages.is_sorted_by(|one, next| one.message_id < next.message_id && one.version < next.version));
        total += messages.len() as u64;
    }
    assert_eq!(total, 1 + users.len() as u64 * 2 * EACH);
    let deadlocks =
        "SELECT pg_stat_force_next_flush(); SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(nodes.database.run(deadlocks), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_send_on_both_nodes_is_one_message() {
    let nodes = Nodes::start(2).await;
    for round in 0..40u64 {
        let mut tasks = JoinSet::new();
        for copy in 0..6 {
            let store = nodes.stores[copy % 2].clone();
            // Every third goes elsewhere: the id belongs to the sender, not to the conversation.
            let to = if copy == 5 { ConversationId::direct(ANN, UserId(3)) } else { pair() };
            tasks.spawn(async move { append(&store, ANN, to, round, "once").await.expect("repeats are no errors") });
        }
        let answers = tasks.join_all().await;
        assert_eq!(answers.iter().filter(|answer| !answer.duplicate).count(), 1, "round {round}");
        assert!(answers.iter().all(|answer| answer.message == answers[0].message), "round {round}");
    }
    let there = history(&nodes.stores[0], ANN, pair()).await.len();
    let elsewhere = nodes.stores[0].list_history(ANN, ConversationId::direct(ANN, UserId(3)), chat(), 1_000).await;
    let elsewhere = elsewhere.map_or(0, |page| page.messages.len());
    assert_eq!(there + elsewhere, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_new_sends_and_repeats_have_each_once() {
    const ROUNDS: u64 = 6;
    const NEW: u64 = 60;
    let nodes = Nodes::start(1).await;
    let store = &nodes.stores[0];
    for round in 0..ROUNDS {
        let mut tasks = JoinSet::new();
        // Those of the round before again, the new ones, and some of these twice.
        let former = round.saturating_sub(1) * NEW..round * NEW;
        let new = round * NEW..(round + 1) * NEW;
        for number in former.chain(new.clone()).chain(new.step_by(7)) {
            let store = store.clone();
            tasks.spawn(async move {
                let answer = append(&store, ANN, pair(), number, "some text").await.expect("repeats are no errors");
                (number, answer.message.seq, answer.duplicate)
            });
        }
        let answers = tasks.join_all().await;
        assert_eq!(answers.iter().filter(|(_, _, duplicate)| !duplicate).count() as u64, NEW, "round {round}");
        let mut places = std::collections::HashMap::new();
        assert!(answers.iter().all(|(number, seq, _)| *places.entry(*number).or_insert(*seq) == *seq));
    }
    let messages = history(store, ANN, pair()).await;
    assert!(messages.iter().enumerate().all(|(at, message)| message.seq == at as u64 + 1));
    assert_eq!(messages.len() as u64, ROUNDS * NEW);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_begins_on_both_nodes_is_one_conversation() {
    let nodes = Nodes::start(2).await;
    for number in 3..=60 {
        let other = UserId(number);
        let id = ConversationId::direct(ANN, other);
        let (one, two) = tokio::join!(
            append(&nodes.stores[0], ANN, id, number, "from one side"),
            append(&nodes.stores[1], other, id, number, "from the other"),
        );
        let mut seqs = [one.unwrap().message.seq, two.unwrap().message.seq];
        seqs.sort_unstable();
        assert_eq!(seqs, [1, 2]);
    }
    assert_eq!(nodes.database.run("SELECT count(*) FROM conversations"), "58");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_never_shows_a_version_without_its_rows() {
    let nodes = Nodes::start(2).await;
    let mut tasks = JoinSet::new();
    for sender in 2..=9u64 {
        let store = nodes.stores[(sender % 2) as usize].clone();
        tasks.spawn(async move {
            let id = ConversationId::direct(ANN, UserId(sender));
            for number in 0..40 {
                append(&store, UserId(sender), id, number, "text").await.expect("sends work");
            }
        });
    }
    let mut known = std::collections::BTreeMap::new();
    let (mut version, mut pulls) = (0, 0);
    let mut done = false;
    while !done {
        done = tasks.is_empty();
        let pulled = nodes.stores[pulls % 2].pull_user(ANN, version, 0, 1_000, 0).await.unwrap();
        assert!(pulled.version >= version);
        version = pulled.version;
        known.extend(pulled.entries.into_iter().map(|entry| (entry.conversation_id.clone(), entry)));
        pulls += 1;
        while tasks.try_join_next().is_some_and(|task| task.map(|()| true).expect("no sender fails")) {}
    }
    let all = nodes.stores[0].pull_user(ANN, 0, 0, 1_000, 0).await.unwrap();
    let known: Vec<_> =
        known.into_values().map(|entry| (entry.conversation_id, entry.version, entry.last_seq)).collect();
    let mut all: Vec<_> =
        all.entries.into_iter().map(|entry| (entry.conversation_id, entry.version, entry.last_seq)).collect();
    all.sort();
    assert_eq!(known, all, "after {pulls} pulls");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_group_that_becomes_small_writes_to_its_members_again() {
    let config = PostgresConfig { large_group_members: 4, ..PostgresConfig::default() };
    let nodes = Nodes::start_with(1, config).await;
    let (store, users) = (&nodes.stores[0], (1..=6).map(UserId).collect::<Vec<_>>());
    let group = store.create_group(ANN, "g", &users, "", 1).await.unwrap().0;
    let before = store.lookup_user_version(UserId(4)).await.unwrap();
    append(store, ANN, group, 1, "large").await.unwrap();
    assert_eq!(store.lookup_user_version(UserId(4)).await.unwrap(), before);
    store.remove_members(ANN, group, &[UserId(5), UserId(6)], 1).await.unwrap();
    assert_eq!(store.lookup_user_version(UserId(4)).await.unwrap(), before + 1, "the line of the removal");
    append(store, ANN, group, 2, "small").await.unwrap();
    assert_eq!(store.lookup_user_version(UserId(4)).await.unwrap(), before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_what_was_acked_stays() {
    let nodes = Nodes::start(1).await;
    let store = &nodes.stores[0];
    nodes.database.run(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$; \
         CREATE TRIGGER full_disk BEFORE INSERT ON messages FOR EACH ROW WHEN (length(NEW.body) > 1000) EXECUTE FUNCTION full_disk();",
    );
    let big = "x".repeat(2_000);
    let appends = (0..64u64).map(|number| {
        let text = if number.is_multiple_of(4) { big.as_str() } else { "small" };
        append(store, ANN, pair(), number, text)
    });
    let outcomes = futures::future::join_all(appends).await;
    let unexpected =
        |outcome: &&Result<_, StoreError>| matches!(outcome, Err(error) if !matches!(error, StoreError::Full));
    assert_eq!(outcomes.iter().find(unexpected).map(|outcome| format!("{outcome:?}")), None);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 48);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::Full))).count(), 16);
    assert_contiguous(store, BOB, pair(), 48).await;
    nodes.database.run("DROP TRIGGER full_disk ON messages");
    let repeated = append(store, ANN, pair(), 0, &big).await.unwrap();
    assert_eq!((repeated.message.seq, repeated.duplicate), (49, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_cannot_begin_do_not_mix_up_later_answers() {
    let nodes = Nodes::start(1).await;
    let store = &nodes.stores[0];
    let many = |first: u64| {
        let appends = (first..first + 100).map(|number| append(store, ANN, pair(), number, "some text"));
        futures::future::join_all(appends)
    };
    assert!(many(0).await.iter().all(Result::is_ok));
    nodes.database.run("ALTER TABLE messages RENAME TO away");
    assert!(many(100).await.iter().all(Result::is_err));
    nodes.database.run("ALTER TABLE away RENAME TO messages");
    for first in [100, 200, 300] {
        for (outcome, number) in many(first).await.into_iter().zip(first..) {
            let message = outcome.expect("the table is back").message;
            assert_eq!(message.client_message_id, nodes::client_id(number));
        }
    }
    assert_contiguous(store, BOB, pair(), 400).await;
}

#[tokio::test]
async fn a_full_queue_says_overloaded_and_loses_nothing() {
    let config = PostgresConfig { writer_queue_max: 2, batch_max: 1, writers: 1, ..PostgresConfig::default() };
    let nodes = Nodes::start_with(1, config).await;
    // All are queued before the first can be answered, since this test has one thread.
    let appends = (0..200).map(|number| append(&nodes.stores[0], ANN, pair(), number, "text"));
    let outcomes = futures::future::join_all(appends).await;
    let acked = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let overloaded = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::Overloaded))).count() as u64;
    assert!(acked > 0 && overloaded > 0, "{acked} acked, {overloaded} refused");
    assert_eq!(acked + overloaded, 200);
    assert_contiguous(&nodes.stores[0], BOB, pair(), acked).await;
}

#[tokio::test]
async fn refused_and_failing_jobs_do_not_touch_their_neighbours() {
    let nodes = Nodes::start_with(1, PostgresConfig { writers: 1, ..PostgresConfig::default() }).await;
    let store = &nodes.stores[0];
    let appends = futures::future::join_all((0..100).map(|number| {
        // Some write to a group that does not exist, some to nobody.
        let to = match number % 4 {
            0 => ConversationId::group(999),
            1 => ConversationId::direct(ANN, UserId(404)),
            _ => pair(),
        };
        append(store, ANN, to, number, "text")
    }));
    // A setting of somebody who does not exist is an error of the engine, found in the middle of the batch.
    let failing = futures::future::join_all((0..3).map(|_| store.put_setting(UserId(404), "key", "value")));
    let (outcomes, failed) = tokio::join!(appends, failing);
    let count = |wanted: Refusal| {
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Err(StoreError::Refused(refusal)) if *refusal == wanted))
            .count()
    };
    assert_eq!((count(Refusal::NotAMember), count(Refusal::NotFound)), (25, 25));
    assert!(failed.iter().all(|outcome| matches!(outcome, Err(StoreError::Internal(_)))));
    assert_contiguous(store, BOB, pair(), 50).await;
    assert_eq!(nodes.database.run("SELECT count(*) FROM conversations"), "1", "nothing is left of refused beginnings");
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_characters_are_no_way_to_break_a_batch() {
    let nodes = Nodes::start(1).await;
    let store = &nodes.stores[0];
    append(store, ANN, pair(), 1, "with a \0 in it").await.unwrap();
    let change = EntryChange { draft: Some("a\0b".to_owned()), ..Default::default() };
    assert_eq!(store.set_entry(ANN, pair(), change).await.unwrap().conversation_id, pair().to_string());
    assert_eq!(store.lookup_entry(ANN, pair()).await.unwrap().draft, "a\u{fffd}b");
    store.put_setting(ANN, "a\0b", "c\0d").await.unwrap();
    assert!(store.find_user_by_username("user\0").await.unwrap().is_none());
    let texts = history(store, BOB, pair()).await;
    assert!(matches!(&texts[0].content.body, Some(v1::content::Body::Text(text)) if text.text == "with a \0 in it"));
}

#[tokio::test]
async fn an_unreachable_database_is_named_without_its_password() {
    for (url, expected) in [
        ("", "it is empty"),
        ("postgresql://u:hunter2@[", "is not an address"),
        ("host=/nowhere password=hunter2 user=u", "cannot connect"),
    ] {
        let config = PostgresConfig { url: DatabaseUrl::from(url.to_owned()), ..PostgresConfig::default() };
        let error = PostgresStore::open(config).await.expect_err("there is nothing");
        let text = error.to_string();
        assert!(text.contains(expected) && !text.contains("hunter2"), "{text}");
        assert!(matches!(error, OpenError::Address(_) | OpenError::Connect(_)));
    }
}

/// Sends until it is acked, as a client does that got no answer; counts how often that took more than once.
async fn send_until_acked(store: &PostgresStore, number: u64) -> (v1::Message, u64) {
    for attempt in 0..1_000 {
        match append(store, ANN, pair(), number, "text").await {
            Ok(appended) => return (appended.message, attempt),
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("not retryable: {error}"),
        }
    }
    panic!("message {number} was never acked");
}

/// Acks between two disturbances.
const ACKS_BETWEEN: u64 = 300;

/// Two nodes send while `disturb` does its worst again and again; everything acked must be there once, at the seq that was acked.
async fn survive(nodes: &Nodes, rounds: usize, mut disturb: impl FnMut()) {
    let total = rounds as u64 * ACKS_BETWEEN;
    let (counter, mut count) = tokio::sync::watch::channel(0u64);
    let mut tasks = JoinSet::new();
    for sender in 0..16u64 {
        let (store, counter) = (nodes.stores[(sender % 2) as usize].clone(), counter.clone());
        tasks.spawn(async move {
            let mut acked = Vec::new();
            for number in 0.. {
                // Some more than the last disturbance waits for, so that it comes in the middle too.
                if *counter.borrow() > total + ACKS_BETWEEN {
                    break;
                }
                acked.push(send_until_acked(&store, sender << 32 | number).await);
                counter.send_modify(|count| *count += 1);
            }
            acked
        });
    }
    for round in 1..=rounds as u64 {
        count.wait_for(|count| *count >= round * ACKS_BETWEEN).await.expect("the senders go on");
        tokio::task::block_in_place(&mut disturb);
    }
    let acked: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let repeated: u64 = acked.iter().map(|(_, attempts)| attempts).sum();
    assert!(repeated > 0, "nobody noticed anything, so nothing was tested");
    let stored = history(&nodes.stores[0], BOB, pair()).await;
    assert_eq!(stored.len(), acked.len(), "everything acked, and nothing twice");
    for (message, _) in &acked {
        assert_eq!(&stored[message.seq as usize - 1], message);
    }
    assert_contiguous(&nodes.stores[1], BOB, pair(), acked.len() as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_connections_lose_nothing_that_was_acked() {
    let nodes = Nodes::start(2).await;
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'skein'";
    survive(&nodes, 15, || drop(nodes.database.run(terminate))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_nothing_that_was_acked() {
    // A server of its own, because a killed process makes PostgreSQL restart all of them.
    let server = PostgresServer::start(&[]);
    let nodes = Nodes::start_on(&server, 2, PostgresConfig::default()).await;
    survive(&nodes, 4, || server.kill_backends("skein")).await;
    let message = message(ANN, pair(), 0, "text");
    assert!(nodes.stores[0].append_message(message).await.unwrap().duplicate);
}
