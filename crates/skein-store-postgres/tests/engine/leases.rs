//! Workers of several nodes: each event is delivered at least once and in the order of its lane, whoever dies; a mailing reaches everybody once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use skein_proto::{
    id::{ConversationId, UserId},
    outbox::{EventKind, KindSet, Lane},
    v1::{self, mailing_target::To},
};
use skein_store::{
    mailing::{AdvanceMailing, MailingOutcome, MailingStore as _},
    outbox::{ClaimLanes, Claimed, OutboxStore as _, SettleLane, Undelivered},
};
use skein_store_postgres::{PostgresConfig, PostgresStore};
use tokio::task::JoinSet;

use crate::{
    nodes::{ANN, BOB, Nodes, append, history, node},
    positions::insist,
};

/// How long a lease lasts: short, so that those of the dead end in the test.
const LEASE_MS: u64 = 300;
/// For a condition to come true.
const PATIENCE: Duration = Duration::from_secs(60);

fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn claim_of(holder: &str, lease_ms: u64) -> ClaimLanes {
    let now_ms = clock_ms();
    ClaimLanes {
        consumer: "hook".to_owned(),
        kinds: [EventKind::MessageCreated].into_iter().collect(),
        holder: holder.to_owned(),
        lanes_max: 4,
        fresh_max: 4,
        events_max: 3,
        now_ms,
        until_ms: now_ms + lease_ms,
    }
}

fn settlement(holder: &str, lane: Lane, delivered: u64, then: Undelivered) -> SettleLane {
    SettleLane { consumer: "hook".to_owned(), holder: holder.to_owned(), lane, delivered, then }
}

/// Two or more nodes that record messages for one consumer.
async fn watched(count: usize) -> Nodes {
    let nodes = Nodes::start(count).await;
    for store in &nodes.stores {
        store.set_recorded_kinds([EventKind::MessageCreated].into_iter().collect());
        store.set_consumers(&["hook".to_owned()]).await.unwrap();
    }
    nodes
}

/// What came at the receiver: position and lane, in the order of coming.
type Deliveries = Arc<Mutex<Vec<(u64, Lane)>>>;

/// Claims, delivers and settles until it is told to stop; now and then it dies in the middle, or the receiver fails.
async fn work(store: Arc<PostgresStore>, worker: u64, deliveries: Deliveries, is_over: Arc<AtomicBool>) {
    let mut chance = fastrand::Rng::with_seed(worker);
    for life in 0.. {
        let holder = format!("{worker}/{life}");
        let mut lives = true;
        while lives && !is_over.load(Ordering::Acquire) {
            let claimed = insist(|| store.claim_lanes(claim_of(&holder, LEASE_MS))).await;
            if claimed.lanes.is_empty() {
                let _ = tokio::time::timeout(Duration::from_millis(50), store.wait_for_events(claimed.cursor)).await;
            }
            for lane in claimed.lanes {
                let (mut delivered, mut then) = (0, Undelivered::None);
                for event in &lane.events {
                    lives = lives && chance.u8(..) > 6;
                    if !lives {
                        break;
                    }
                    if chance.u8(..) < 10 {
                        then = Undelivered::Retry {
                            position: event.position,
                            at_ms: clock_ms() + 20,
                            error: "500".to_owned(),
                        };
                        break;
                    }
                    deliveries.lock().unwrap().push((event.position, lane.lane));
                    delivered = event.position;
                }
                if lives {
                    insist(|| store.settle_lane(settlement(&holder, lane.lane, delivered, then.clone()))).await;
                }
            }
        }
        if is_over.load(Ordering::Acquire) {
            return;
        }
    }
}

async fn is_done(store: &PostgresStore) -> bool {
    let last = insist(|| store.lookup_event_bounds()).await.last;
    let row = insist(|| store.list_consumers()).await.remove(0);
    row.cursor == last && row.lanes == 0
}

/// All positions that there are, by lane.
async fn expected(store: &PostgresStore) -> BTreeMap<Lane, Vec<u64>> {
    let (mut lanes, mut after) = (BTreeMap::<Lane, Vec<u64>>::new(), 0);
    loop {
        let page = store.list_events(after, KindSet::all(), 2_000).await.unwrap();
        page.events.iter().for_each(|event| lanes.entry(event.lane).or_default().push(event.position));
        after = page.next;
        if !page.has_more {
            return lanes;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_die_lose_nothing_and_skip_nothing() {
    const SENDS: u64 = 60;
    let nodes = watched(2).await;
    let (deliveries, is_over) = (Deliveries::default(), Arc::new(AtomicBool::new(false)));
    let (mut workers, mut writers) = (JoinSet::new(), JoinSet::new());
    for worker in 0..8 {
        let store = nodes.stores[worker as usize % 2].clone();
        workers.spawn(work(store, worker, deliveries.clone(), is_over.clone()));
    }
    for writer in 0..8u64 {
        let store = nodes.stores[writer as usize % 2].clone();
        let pair = ConversationId::direct(ANN, UserId(2 + writer % 5));
        writers.spawn(async move {
            for number in 0..SENDS {
                insist(|| append(&store, ANN, pair, writer << 32 | number, "text")).await;
            }
        });
    }
    let terminate = "SELECT pg_sleep(0.2); SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'skein'";
    for _ in 0..8 {
        tokio::task::block_in_place(|| nodes.database.run(terminate));
    }
    while let Some(done) = writers.join_next().await {
        done.expect("no writer fails");
    }
    let start = Instant::now();
    while !is_done(&nodes.stores[0]).await {
        assert!(start.elapsed() < PATIENCE, "{:?}", nodes.stores[0].list_consumers().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    is_over.store(true, Ordering::Release);
    while let Some(done) = workers.join_next().await {
        done.expect("no worker fails");
    }
    let lanes = expected(&nodes.stores[0]).await;
    assert_eq!(lanes.values().map(Vec::len).sum::<usize>() as u64, 8 * SENDS, "an event for each message");
    let mut reached = HashMap::<Lane, usize>::new();
    for (position, lane) in deliveries.lock().unwrap().iter() {
        let at = lanes[lane].iter().position(|one| one == position).expect("it is one of the lane");
        let reached = reached.entry(*lane).or_default();
        // Repeats go back, nothing ever skips ahead.
        assert!(at <= *reached, "{position} came before the one before it");
        *reached = (*reached).max(at + 1);
    }
    for (lane, positions) in &lanes {
        assert_eq!(reached.get(lane), Some(&positions.len()), "everything of {lane:?} came");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_and_a_claim_never_overlook_an_event() {
    const SENDS: u64 = 300;
    let nodes = watched(2).await;
    let pair = ConversationId::direct(ANN, BOB);
    let sender = {
        let store = nodes.stores[0].clone();
        tokio::spawn(async move {
            for number in 0..SENDS {
                append(&store, ANN, pair, number, "text").await.expect("sends work");
            }
        })
    };
    // One lane that is emptied and begun again all the time, by two nodes.
    let (mut delivered, start) = (BTreeSet::new(), Instant::now());
    let mut turn = 0;
    while (delivered.len() as u64) < SENDS {
        assert!(start.elapsed() < PATIENCE, "{} of {SENDS} came", delivered.len());
        let (one, other) = (&nodes.stores[turn % 2], &nodes.stores[(turn + 1) % 2]);
        turn += 1;
        let claimed = one.claim_lanes(claim_of("one", 60_000)).await.unwrap();
        for lane in claimed.lanes {
            delivered.extend(lane.events.iter().map(|event| event.position));
            let last = lane.events.last().map_or(0, |event| event.position);
            let settled = one.settle_lane(settlement("one", lane.lane, last, Undelivered::None));
            let (settled, claimed) = tokio::join!(settled, other.claim_lanes(claim_of("one", 60_000)));
            assert!(settled.unwrap());
            for lane in claimed.unwrap().lanes {
                delivered.extend(lane.events.iter().map(|event| event.position));
                let last = lane.events.last().map_or(0, |event| event.position);
                assert!(other.settle_lane(settlement("one", lane.lane, last, Undelivered::None)).await.unwrap());
            }
        }
    }
    sender.await.unwrap();
    assert_eq!(delivered, (1..=SENDS).collect());
}

/// Claims with this clock until there is something.
async fn claim_soon(store: &PostgresStore, holder: &str) -> Claimed {
    let start = Instant::now();
    loop {
        let claimed = store.claim_lanes(claim_of(holder, 600_000)).await.unwrap();
        if !claimed.lanes.is_empty() {
            return claimed;
        }
        assert!(start.elapsed() < PATIENCE, "nothing to claim: {claimed:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A claim whose lease names its store: the database has to know of it first.
async fn claim_present(nodes: &Nodes, store: &PostgresStore, holder: &str) -> Lane {
    let start = Instant::now();
    loop {
        let lane = claim_soon(store, holder).await.lanes.remove(0);
        let named = format!("SELECT count(*) FROM lanes WHERE holder = '{holder}' AND instance IS NOT NULL");
        if tokio::task::block_in_place(|| nodes.database.run(&named)) == "1" {
            return lane.lane;
        }
        assert!(start.elapsed() < PATIENCE, "the database never knew of it");
        assert!(store.settle_lane(settlement(holder, lane.lane, 0, Undelivered::None)).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_of_a_store_that_is_gone_end_at_once_and_others_stay() {
    let nodes = watched(1).await;
    let (staying, going) = (
        node(&nodes.database, PostgresConfig::default()).await,
        node(&nodes.database, PostgresConfig::default()).await,
    );
    append(&nodes.stores[0], ANN, ConversationId::direct(ANN, BOB), 1, "text").await.unwrap();
    let kept = claim_present(&nodes, &staying, "staying").await;
    append(&nodes.stores[0], ANN, ConversationId::direct(ANN, UserId(3)), 2, "text").await.unwrap();
    let left = claim_present(&nodes, &going, "going").await;
    assert_ne!(kept, left);
    let none = nodes.stores[0].claim_lanes(claim_of("heir", 600_000)).await.unwrap();
    assert!(none.lanes.is_empty(), "both are under lease");
    going.close().await;
    drop(going);
    let heirs = claim_soon(&nodes.stores[0], "heir").await.lanes;
    assert_eq!(heirs.iter().map(|lane| lane.lane).collect::<Vec<_>>(), [left], "the other one stays with its holder");
    assert!(
        staying
            .settle_lane(settlement("staying", kept, heirs[0].events[0].position - 1, Undelivered::None))
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_make_a_consumer_once() {
    let nodes = Nodes::start(4).await;
    nodes.stores[0].set_recorded_kinds(KindSet::all());
    append(&nodes.stores[0], ANN, ConversationId::direct(ANN, BOB), 1, "before").await.unwrap();
    let names = ["till".to_owned(), "hook".to_owned()];
    let made = nodes.stores.iter().map(|store| store.set_consumers(&names));
    futures::future::try_join_all(made).await.unwrap();
    let rows = nodes.stores[1].list_consumers().await.unwrap();
    assert_eq!(rows.iter().map(|row| (row.name.as_str(), row.cursor)).collect::<Vec<_>>(), [("hook", 2), ("till", 2)]);
    let deadlocks =
        "SELECT pg_stat_force_next_flush(); SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(tokio::task::block_in_place(|| nodes.database.run(deadlocks)), "0");
}

/// Carries mailings out as a server does, and dies before it stores what came of a batch, more often than not.
async fn carry(store: Arc<PostgresStore>, worker: u64, deaths: Arc<AtomicU64>) {
    let mut chance = fastrand::Rng::with_seed(worker);
    for life in 0.. {
        let (now_ms, holder) = (clock_ms(), format!("{worker}/{life}"));
        let claimed = match insist(|| store.claim_mailing(&holder, now_ms, now_ms + LEASE_MS)).await {
            Ok(claimed) => claimed,
            Err(None) => return,
            Err(Some(_)) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let (id, sender) = (claimed.mailing.mailing_id, UserId(claimed.mailing.sender_id));
        let targets = insist(|| store.list_mailing_targets(id, claimed.cursor, 4)).await;
        let mut outcomes = Vec::new();
        for user in &targets {
            let pair = ConversationId::direct(sender, *user);
            // The client id is made of the mailing and the receiver.
            let sent = insist(|| append(&store, sender, pair, id << 32 | user.0, "paid")).await;
            outcomes.push(MailingOutcome { user: *user, sent: Ok((pair, sent.message.seq)) });
        }
        if chance.u8(..) < 100 {
            deaths.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let cursor = targets.last().copied().unwrap_or(claimed.cursor);
        let batch = AdvanceMailing {
            mailing_id: id,
            holder,
            outcomes,
            cursor,
            finished: targets.len() < 4,
            due_ms: now_ms,
            now_ms,
        };
        insist(|| store.advance_mailing(batch.clone())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailing_that_is_repeated_after_deaths_sends_nothing_twice() {
    let nodes = Nodes::start(2).await;
    nodes.stores.iter().for_each(|store| store.set_recorded_kinds([EventKind::MailingFinished].into_iter().collect()));
    let asked = v1::Mailing {
        key: "shop".to_owned(),
        client_mailing_id: "1".to_owned(),
        sender_id: ANN.0,
        notification: true,
        target: v1::MailingTarget { to: Some(To::Everyone(true)), ..Default::default() }.into(),
        per_second: 1_000,
        ..Default::default()
    };
    // Both nodes are asked, as a caller does that got no answer.
    let (one, other) =
        tokio::join!(nodes.stores[0].create_mailing(asked.clone()), nodes.stores[1].create_mailing(asked),);
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.0.mailing_id, one.1 != other.1), (other.0.mailing_id, true), "made once");
    let id = one.0.mailing_id;
    tokio::task::block_in_place(|| {
        nodes.database.run(&format!("UPDATE users SET state = {}", v1::UserState::Active as i32))
    });
    let (deaths, mut workers) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
    for worker in 0..4 {
        workers.spawn(carry(nodes.stores[worker as usize % 2].clone(), worker, deaths.clone()));
    }
    let terminate = "SELECT pg_sleep(0.2); SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'skein'";
    for _ in 0..3 {
        tokio::task::block_in_place(|| nodes.database.run(terminate));
    }
    while let Some(done) = workers.join_next().await {
        done.expect("no worker fails");
    }
    assert!(deaths.load(Ordering::Relaxed) > 0, "nobody died, so nothing was tested");
    let end = nodes.stores[1].lookup_mailing(id).await.unwrap().expect("it is there");
    let report = end.report.as_option().cloned().unwrap_or_default();
    // Everybody but the sender.
    assert_eq!((report.accepted, report.failed, report.pending), (59, 0, 0));
    for user in 2..=60 {
        let pair = ConversationId::direct(ANN, UserId(user));
        assert_eq!(history(&nodes.stores[0], ANN, pair).await.len(), 1, "user {user} got it once");
    }
    assert_eq!(nodes.stores[0].list_receivers(id, UserId(0), 100, false).await.unwrap().len(), 59);
    let events = nodes.stores[1].list_events(0, KindSet::all(), 100).await.unwrap().events;
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::MailingFinished]);
}
