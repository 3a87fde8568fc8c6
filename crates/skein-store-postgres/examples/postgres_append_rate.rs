//! How many appends per second the PostgreSQL store acks, and what each costs here and in the server:
//! `cargo run --release -p skein-store-postgres --example postgres_append_rate [tasks] [nodes]`.
//! It starts a private server with fsync on. Every task writes to its own peer and waits for each answer, as a sender does.

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
use skein_store_postgres::{DatabaseUrl, PostgresConfig, PostgresStore};
use skein_testkit::postgres::{Database, PostgresServer};
use tokio::task::JoinSet;

/// Tasks that append at once, unless the first argument says otherwise.
const TASKS: u64 = 64;
/// Stores on the same database, unless the second argument says otherwise.
const NODES: u64 = 1;
/// How long they go on.
const RUN: Duration = Duration::from_secs(10);
/// Ticks of processor time in a second, as Linux counts them for every process.
const TICKS_PER_SECOND: f64 = 100.0;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let argument = |place, default| std::env::args().nth(place).map_or(Ok(default), |text| text.parse::<u64>());
    let (tasks, nodes) = (argument(1, TASKS)?, argument(2, NODES)?);
    let options = ["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"];
    let server: &'static PostgresServer = Box::leak(Box::new(PostgresServer::start(&options)));
    let database = server.database();
    let mut stores = Vec::new();
    for _ in 0..nodes {
        let config = PostgresConfig { url: DatabaseUrl::from(database.url()), ..PostgresConfig::default() };
        stores.push(Arc::new(PostgresStore::open(config).await?));
    }
    let made = (1..=2 * tasks).map(|id| {
        let user = v1::User { user_id: id, username: format!("user{id}"), ..Default::default() };
        stores[0].create_user(UserRow { user, password_hash: String::new(), external_id: String::new() })
    });
    futures::future::try_join_all(made).await?;
    // Conversations begin before the clock does.
    run(&stores, tasks, 0, Duration::from_millis(500)).await?;
    database.run("VACUUM ANALYZE");
    let (begin, own, theirs, transactions) =
        (Instant::now(), own_seconds()?, server_seconds(server)?, transactions(&database)?);
    let acked = run(&stores, tasks, 1 << 24, RUN).await? as f64;
    let (seconds, own) = (begin.elapsed().as_secs_f64(), own_seconds()? - own);
    let (theirs, transactions) =
        (server_seconds(server)? - theirs, self::transactions(&database)? - transactions - 1.0);
    println!(
        "{tasks} tasks, {nodes} nodes: {:.0} acked/s, {:.1} us CPU per append here and {:.1} us in PostgreSQL, {:.0} appends per transaction, \
         {:.2} ms per answer",
        acked / seconds,
        own * 1e6 / acked,
        theirs * 1e6 / acked,
        acked / transactions,
        seconds * 1e3 * tasks as f64 / acked,
    );
    Ok(())
}

/// All tasks append for so long; how much was acked.
async fn run(stores: &[Arc<PostgresStore>], tasks: u64, first: u64, time: Duration) -> Result<u64, Failure> {
    let acked = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut senders = JoinSet::new();
    for task in 0..tasks {
        let (store, acked) = (stores[task as usize % stores.len()].clone(), acked.clone());
        senders.spawn(async move {
            for number in first.. {
                if begin.elapsed() >= time {
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
    Ok(acked.load(Ordering::Relaxed))
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

/// Transactions that have written so far.
fn transactions(database: &Database) -> Result<f64, Failure> {
    Ok(database.run("SELECT txid_current()").parse()?)
}

/// Processor time of this process so far, in user and system.
fn own_seconds() -> Result<f64, Failure> {
    seconds("self", 2)
}

/// Processor time of the server: its processes, and those that have ended.
fn server_seconds(server: &PostgresServer) -> Result<f64, Failure> {
    let mut pids = server.pids().into_iter();
    let mut sum = seconds(&pids.next().ok_or("the server does not run")?.to_string(), 4)?;
    // A process may end while this looks; then its parent has its time the next time.
    sum += pids.filter_map(|pid| seconds(&pid.to_string(), 2).ok()).sum::<f64>();
    Ok(sum)
}

/// The first so many of: own user and system time, those of ended children.
fn seconds(process: &str, fields: usize) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the name, in brackets; user and system time are the 14th and 15th, those of children follow.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(fields);
    let ticks = fields.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_PER_SECOND)
}
