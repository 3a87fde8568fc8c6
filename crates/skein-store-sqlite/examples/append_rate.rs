//! How many appends per second the embedded store acks, and what each costs: `cargo run --release -p skein-store-sqlite --example append_rate`.
//! Every task writes to its own peer and waits for each answer, as a sender does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use skein_store::{
    account::{AccountStore as _, UserRow},
    message::{AppendMessage, MessageStore as _},
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
    Ok(())
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
