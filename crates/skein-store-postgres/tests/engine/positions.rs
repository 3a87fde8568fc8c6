//! Positions of events while many transactions of several nodes commit in whatever order: whoever follows them sees each event once, in the order of
//! its lane, and never has to look back.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use skein_proto::{
    codec::Codec,
    id::{ConversationId, UserId},
    outbox::{EventKind, KindSet, Lane},
    v1::{self, outbox_data::Body},
};
use skein_store::{
    Result, StoreError,
    account::AccountStore as _,
    conversation::{ConversationStore as _, EntryChange},
    message::MessageStore as _,
    outbox::{OutboxEvent, OutboxStore as _},
};
use skein_store_postgres::{PostgresConfig, PostgresStore};
use skein_testkit::postgres::PostgresServer;
use tokio::task::JoinSet;

use crate::nodes::{ANN, BOB, Nodes, append, message, node};

/// Writers of each node.
const WRITERS: u64 = 8;
/// Conversations of all writers together: each has writers on both nodes.
const PLACES: u64 = 6;
/// Transactions commit in an order that has little to do with the one in which they took their numbers.
const SLOW_COMMITS: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(random() * 0.02); RETURN NULL; END $$; \
     CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON fresh_batches DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();";

/// Several small transactions at once, and everything is recorded.
async fn recording(nodes: &Nodes) {
    for store in &nodes.stores {
        store.set_recorded_kinds(KindSet::all());
    }
    nodes.stores[0].set_consumers(&[]).await.unwrap();
    tokio::task::block_in_place(|| nodes.database.run(SLOW_COMMITS));
}

fn many_small_batches() -> PostgresConfig {
    PostgresConfig { writers: 4, batch_max: 3, ..PostgresConfig::default() }
}

/// Goes on until it works, as whoever meets a lost connection does.
pub async fn insist<T, F: Future<Output = Result<T>>>(mut operation: impl FnMut() -> F) -> T {
    for _ in 0..2_000 {
        match operation().await {
            Ok(done) => return done,
            Err(StoreError::Unavailable(_) | StoreError::Overloaded) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("not retryable: {error}"),
        }
    }
    panic!("it never worked");
}

/// Writes in a conversation with two others of the other node, and changes its own world, so many times.
async fn write(store: Arc<PostgresStore>, writer: u64, rounds: u64, acked: Arc<AtomicU64>) {
    let place = writer % PLACES;
    let (one, other) = (UserId(2 * place + 1), UserId(2 * place + 2));
    let (sender, pair) = (if writer.is_multiple_of(2) { one } else { other }, ConversationId::direct(one, other));
    for number in 0..rounds {
        let number = writer << 32 | number;
        let sent = insist(|| append(&store, sender, pair, number, "text")).await;
        acked.fetch_add(u64::from(!sent.duplicate), Ordering::Relaxed);
        let (key, value) = (format!("key{writer}"), number.to_string());
        insist(|| store.put_setting(sender, &key, &value)).await;
        if number.is_multiple_of(4) {
            let change = EntryChange { pinned: Some(number.is_multiple_of(8)), ..EntryChange::default() };
            insist(|| store.set_entry(sender, pair, change.clone())).await;
        }
    }
}

/// Follows all events from the beginning, in pages of this size, until nobody writes any more and everything was seen.
async fn follow(store: Arc<PostgresStore>, page: u32, is_over: Arc<AtomicBool>) -> Vec<OutboxEvent> {
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let was_over = is_over.load(Ordering::Acquire);
        let page = insist(|| store.list_events(after, KindSet::all(), page)).await;
        assert!(page.next >= after);
        seen.extend(page.events);
        after = page.next;
        if !page.has_more && was_over {
            return seen;
        }
        if !page.has_more {
            // Ends early when nothing comes any more; a sleep is not needed for that.
            let _ = tokio::time::timeout(Duration::from_millis(300), store.wait_for_events(after)).await;
        }
    }
}

/// All that is there, as it is in the end.
async fn all_events(store: &PostgresStore) -> Vec<OutboxEvent> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = store.list_events(after, KindSet::all(), 2_000).await.unwrap();
        all.extend(page.events);
        after = page.next;
        if !page.has_more {
            return all;
        }
    }
}

fn body(event: &OutboxEvent) -> Body {
    let data: v1::OutboxData = Codec::Binary.decode(&event.data).expect("what is stored can be read");
    data.body.expect("an event says something")
}

/// Everybody saw the same, without a hole, and each lane in the order of its versions; how many messages were told of in each lane.
fn check(all: &[OutboxEvent], followed: Vec<Vec<OutboxEvent>>) -> BTreeMap<Lane, u64> {
    let positions: Vec<u64> = all.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=all.len() as u64).collect::<Vec<_>>(), "positions have no holes");
    for seen in followed {
        assert_eq!(seen.len(), all.len(), "everything is seen, and nothing twice");
        assert!(seen == all, "what was seen stayed as it was");
    }
    let (mut versions, mut messages) = (HashMap::<Lane, u64>::new(), BTreeMap::<Lane, u64>::new());
    for event in all {
        let version = match body(event) {
            Body::Message(changed) => {
                let count = messages.entry(event.lane).or_default();
                *count += 1;
                assert_eq!(changed.message.seq, *count, "the messages of a conversation come one after the other");
                changed.message.version
            }
            Body::Entry(entry) => entry.version,
            Body::Setting(setting) => setting.version,
            _ => continue,
        };
        let last = versions.insert(event.lane, version).unwrap_or(0);
        assert!(version > last, "{:?} at {}: version {version} after {last}", event.kind, event.position);
    }
    messages
}

/// Writes on all nodes, follows on all nodes, and disturbs.
async fn follow_while_writing(nodes: &Nodes, rounds: u64, mut disturb: impl FnMut() -> bool) -> u64 {
    let (acked, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
    for writer in 0..WRITERS * nodes.stores.len() as u64 {
        let store = nodes.stores[(writer / WRITERS) as usize].clone();
        writers.spawn(write(store, writer, rounds, acked.clone()));
    }
    for (store, page) in nodes.stores.iter().zip([1, 7, 500]).chain(nodes.stores.iter().zip([64, 3])) {
        readers.spawn(follow(store.clone(), page, is_over.clone()));
    }
    while !writers.is_empty() {
        let more = tokio::task::block_in_place(&mut disturb);
        while let Some(done) = if more { writers.try_join_next() } else { writers.join_next().await } {
            done.expect("no writer fails");
        }
    }
    is_over.store(true, Ordering::Release);
    let followed = readers.join_all().await;
    let all = all_events(&nodes.stores[0]).await;
    let messages = check(&all, followed);
    for place in 0..PLACES {
        let (one, other) = (UserId(2 * place + 1), UserId(2 * place + 2));
        let pair = ConversationId::direct(one, other);
        let stored = crate::nodes::history(&nodes.stores[0], one, pair).await.len() as u64;
        assert_eq!(messages.get(&Lane::conversation(pair)), Some(&stored), "an event for each message");
    }
    let told: u64 = messages.values().sum();
    assert!(told >= acked.load(Ordering::Relaxed), "what was acked is told of");
    let fresh = "SELECT count(*) FROM fresh_batches";
    assert_eq!(tokio::task::block_in_place(|| nodes.database.run(fresh)), "0");
    all.len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_sees_every_event_once_in_order() {
    let nodes = Nodes::start_with(3, many_small_batches()).await;
    recording(&nodes).await;
    let events = follow_while_writing(&nodes, 40, || false).await;
    assert!(events >= 3 * WRITERS * 40 * 2, "{events}");
    let crossed = "SELECT count(*) FROM (SELECT batch < lag(batch) OVER (ORDER BY position) AS back FROM event_positions) p WHERE back";
    let crossed: u64 = tokio::task::block_in_place(|| nodes.database.run(crossed)).parse().unwrap();
    assert!(crossed > 10, "commits were hardly out of order ({crossed}), so little was tested");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_lose_no_event_and_move_none() {
    let nodes = Nodes::start_with(2, many_small_batches()).await;
    recording(&nodes).await;
    let mut left = 12;
    // Each of them while the events of another part of the work are on their way.
    let terminate = "SELECT pg_sleep(0.1); SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'skein'";
    follow_while_writing(&nodes, 60, || {
        nodes.database.run(terminate);
        left -= 1;
        left > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_loses_no_event_and_moves_none() {
    // A server of its own, because a killed process makes PostgreSQL restart all of them; with fsync, because that is what is tested.
    let server = PostgresServer::start(&[]);
    let nodes = Nodes::start_on(&server, 2, many_small_batches()).await;
    recording(&nodes).await;
    let mut left = 4;
    follow_while_writing(&nodes, 60, || {
        std::thread::sleep(Duration::from_millis(300));
        server.kill_backends("skein");
        left -= 1;
        left > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_on_another_node_are_told() {
    let nodes = Nodes::start(2).await;
    nodes.stores[0].set_recorded_kinds([EventKind::MessageCreated].into_iter().collect());
    let pair = ConversationId::direct(ANN, BOB);
    for round in 0..3 {
        let waiting = {
            let store = nodes.stores[1].clone();
            tokio::spawn(async move { store.wait_for_events(round).await })
        };
        append(&nodes.stores[0], ANN, pair, round, "text").await.unwrap();
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it is told").unwrap();
        let page = nodes.stores[1].list_events(round, KindSet::all(), 10).await.unwrap();
        assert_eq!((page.events.len(), page.next), (1, round + 1));
    }
    assert_eq!(nodes.stores[0].lookup_event_bounds().await.unwrap().last, 3, "a kind that is off is not recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_given_without_anybody_who_reads() {
    let nodes = Nodes::start(1).await;
    nodes.stores[0].set_recorded_kinds(KindSet::all());
    append(&nodes.stores[0], ANN, ConversationId::direct(ANN, BOB), 1, "text").await.unwrap();
    let start = std::time::Instant::now();
    while tokio::task::block_in_place(|| nodes.database.run("SELECT last FROM event_head")) != "2" {
        assert!(start.elapsed() < Duration::from_secs(30), "the queue of those without would grow");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_and_a_failed_batch_leave_no_event() {
    let nodes = Nodes::start_with(1, PostgresConfig { writers: 1, ..PostgresConfig::default() }).await;
    let store = &nodes.stores[0];
    store.set_recorded_kinds(KindSet::all());
    let pair = ConversationId::direct(ANN, BOB);
    let sends = futures::future::join_all((0..30).map(|number| {
        let to = if number % 3 == 0 { ConversationId::group(999) } else { pair };
        append(store, ANN, to, number, "text")
    }));
    // Nobody's setting is an error of the engine; the batch is then done again one by one.
    let failing = store.put_setting(UserId(404), "key", "value");
    let (sent, failed) = tokio::join!(sends, failing);
    assert!(failed.is_err());
    assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 20);
    let again = store.append_message(message(ANN, pair, 1, "text")).await.unwrap();
    assert!(again.duplicate);
    let kinds: Vec<EventKind> = all_events(store).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds[0], EventKind::ConversationCreated);
    assert_eq!(kinds[1..], [EventKind::MessageCreated; 20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_where_the_first_one_stopped() {
    let mut nodes = Nodes::start(1).await;
    nodes.stores[0].set_recorded_kinds(KindSet::all());
    let pair = ConversationId::direct(ANN, BOB);
    append(&nodes.stores[0], ANN, pair, 1, "text").await.unwrap();
    let first = all_events(&nodes.stores[0]).await;
    append(&nodes.stores[0], ANN, pair, 2, "text").await.unwrap();
    // It is gone before it has given a position to the last one.
    nodes.stores.remove(0).close().await;
    nodes.stores.push(node(&nodes.database, PostgresConfig::default()).await);
    let rest = nodes.stores[0].list_events(first.len() as u64, KindSet::all(), 100).await.unwrap().events;
    assert_eq!(rest.len(), 1);
    assert!(matches!(body(&rest[0]), Body::Message(changed) if changed.message.seq == 2));
}
