//! How many appends per second the embedded store acks, and what each costs: `cargo run --release -p skein-store-sqlite --example append_rate`.
//! Every task writes to its own peer and waits for each answer, as a sender does. Arguments: the number of tasks; `events` records every kind of event,
//! `webhook` also has one consumer that claims and settles them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use skein_proto::{
    id::{ConversationId, UserId},
    outbox::KindSet,
    v1,
};
use skein_store::{
    account::{AccountStore as _, UserRow},
    message::{AppendMessage, MessageStore as _},
    outbox::{ClaimLanes, OutboxStore as _, SettleLane, Undelivered},
};
use skein_store_sqlite::{SqliteConfig, SqliteStore};

/// Tasks that append at once, unless the first argument says otherwise.
const TASKS: u64 = 64;
/// How long they go on.
const RUN: Duration = Duration::from_secs(5);
/// Ticks of processor time in a second, as Linux counts them for every process.
const TICKS_PER_SECOND: f64 = 100.0;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tasks = std::env::args().nth(1).map_or(Ok(TASKS), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(directory.path(), SqliteConfig::default())?);
    for id in 1..=2 * tasks {
        let user = v1::User { user_id: id, username: format!("user{id}"), ..Default::default() };
        store.create_user(UserRow { user, password_hash: String::new(), external_id: String::new() }).await?;
    }
    let mode = std::env::args().nth(2).unwrap_or_default();
    if !mode.is_empty() {
        store.set_recorded_kinds(KindSet::all());
    }
    let delivered = Arc::new(AtomicU64::new(0));
    if mode == "webhook" {
        store.set_consumers(&["hook".to_owned()]).await?;
        tokio::spawn(consume(store.clone(), delivered.clone()));
    }
    let acked = Arc::new(AtomicU64::new(0));
    let (begin, cpu) = (Instant::now(), cpu_seconds()?);
    let mut senders = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let (store, acked) = (store.clone(), acked.clone());
        senders.spawn(async move {
            for number in 0.. {
                if begin.elapsed() >= RUN {
                    break;
                }
                store.append_message(message(2 * task + 1, 2 * task + 2, number)).await?;
                acked.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, skein_store::StoreError>(())
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let acked = acked.load(Ordering::Relaxed) as f64;
    println!("{tasks} tasks: {:.0} acked/s, {:.1} us CPU per append", acked / seconds, cpu * 1e6 / acked);
    if mode == "webhook" {
        println!("{} events delivered", delivered.load(Ordering::Relaxed));
    }
    Ok(())
}

/// A webhook whose endpoint takes everything at once.
async fn consume(store: Arc<SqliteStore>, delivered: Arc<AtomicU64>) -> skein_store::Result<()> {
    loop {
        let claim = ClaimLanes {
            consumer: "hook".to_owned(),
            kinds: KindSet::all(),
            holder: "worker".to_owned(),
            lanes_max: 64,
            fresh_max: 64,
            events_max: 8,
            now_ms: 1,
            until_ms: u64::from(u32::MAX),
        };
        let claimed = store.claim_lanes(claim).await?;
        if claimed.lanes.is_empty() {
            store.wait_for_events(claimed.cursor).await;
        }
        let mut settling = tokio::task::JoinSet::new();
        for lane in claimed.lanes {
            delivered.fetch_add(lane.events.len() as u64, Ordering::Relaxed);
            let store = store.clone();
            let last = lane.events.last().map_or(0, |event| event.position);
            let settlement = SettleLane {
                consumer: "hook".to_owned(),
                holder: "worker".to_owned(),
                lane: lane.lane,
                delivered: last,
                then: Undelivered::None,
            };
            settling.spawn(async move { store.settle_lane(settlement).await });
        }
        settling.join_all().await;
    }
}

fn message(sender: u64, peer: u64, number: u64) -> AppendMessage {
    let text =
        v1::Text { text: "a message of the usual length, as people write them".to_owned(), ..Default::default() };
    AppendMessage {
        conversation: ConversationId::direct(UserId(sender), UserId(peer)),
        sender: UserId(sender),
        // Grows with time, as a UUIDv7 does.
        client_message_id: format!("{:08x}-{:04x}-7000-8000-{sender:012x}", number >> 16, number & 0xffff),
        content: v1::Content { body: Some(text.into()), ..Default::default() },
        client_time_ms: 0,
        options: v1::SendOptions::default(),
        external_id: String::new(),
        now_ms: 1_790_000_000_000 + number,
    }
}

/// Processor time of this process so far, in user and system.
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The second field is the name, in brackets; user and system time are the 14th and 15th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks = fields.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_PER_SECOND)
}
