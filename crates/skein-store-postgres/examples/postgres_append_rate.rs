//! How many appends per second the PostgreSQL store acks, and what each costs here and in the server:
//! `cargo run --release -p skein-store-postgres --example postgres_append_rate [tasks] [nodes] [members] [rounds with events]`.
//! It starts a private server with fsync on. Every task writes to its own peer, or to its own group of so many members, and waits for each answer, as a
//! sender does. Says too how much is written to the log and how much the database grows. With a fourth argument it measures so many times without events
//! and with: then each message is recorded, and one reader follows all of them.

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
    group::GroupStore as _,
    message::{AppendMessage, MessageStore as _},
    outbox::OutboxStore as _,
};
use skein_store_postgres::{DatabaseUrl, PostgresConfig, PostgresStore};
use skein_testkit::postgres::{Database, PostgresServer};
use tokio::task::JoinSet;

/// Tasks that append at once, unless the first argument says otherwise.
const TASKS: u64 = 64;
/// Stores on the same database, unless the second argument says otherwise.
const NODES: u64 = 1;
/// People in each conversation, unless the third argument says otherwise; more than two are a group.
const MEMBERS: u64 = 2;
/// How long they go on.
const RUN: Duration = Duration::from_secs(10);
/// Ticks of processor time in a second, as Linux counts them for every process.
const TICKS_PER_SECOND: f64 = 100.0;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let argument = |place, default| std::env::args().nth(place).map_or(Ok(default), |text| text.parse::<u64>());
    let (tasks, nodes) = (argument(1, TASKS)?, argument(2, NODES)?);
    let (members, rounds) = (argument(3, MEMBERS)?, argument(4, 0)?);
    let options = ["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"];
    let server = PostgresServer::start(&options);
    let database = server.database();
    let mut stores = Vec::new();
    for _ in 0..nodes {
        let config = PostgresConfig { url: DatabaseUrl::from(database.url()), ..PostgresConfig::default() };
        stores.push(Arc::new(PostgresStore::open(config).await?));
    }
    let conversations = conversations(&stores[0], tasks, members.max(2)).await?;
    // Conversations begin before the clock does.
    run(&stores, &conversations, 0, Duration::from_millis(500)).await?;
    database.run("VACUUM ANALYZE");
    for round in 0..=2 * rounds {
        let recording = rounds > 0 && round % 2 == 1;
        let kinds = if recording { KindSet::all() } else { KindSet::EMPTY };
        stores.iter().for_each(|store| store.set_recorded_kinds(kinds));
        let reader = recording.then(|| tokio::spawn(follow(stores[0].clone())));
        print!("{tasks} tasks, {nodes} nodes, {members} members: ");
        measure(&server, &database, &stores, &conversations, round + 1).await?;
        if let Some(reader) = reader {
            reader.abort();
            println!(
                "with events; {} of them have no position yet",
                database.run("SELECT coalesce(sum(events), 0) FROM fresh_batches")
            );
        }
    }
    Ok(())
}

/// Appends for a while, and says what it cost.
async fn measure(
    server: &PostgresServer,
    database: &Database,
    stores: &[Arc<PostgresStore>],
    conversations: &[(ConversationId, UserId)],
    round: u64,
) -> Result<(), Failure> {
    database.run("CHECKPOINT");
    let (begin, own, before) = (Instant::now(), own_seconds()?, Server::look(server, database)?);
    let acked = run(stores, conversations, round << 24, RUN).await? as f64;
    let (seconds, own, after) = (begin.elapsed().as_secs_f64(), own_seconds()? - own, Server::look(server, database)?);
    println!(
        "{:.0} acked/s, {:.1} us CPU per append here and {:.1} us in PostgreSQL, {:.0} appends per transaction, {:.2} ms per answer, \
         {:.0} bytes of log and {:.0} stored per append",
        acked / seconds,
        own * 1e6 / acked,
        (after.seconds - before.seconds) * 1e6 / acked,
        acked / (after.transactions - before.transactions - 1.0),
        seconds * 1e3 * conversations.len() as f64 / acked,
        (after.log_bytes - before.log_bytes) / acked,
        (after.stored_bytes - before.stored_bytes) / acked,
    );
    Ok(())
}

/// Reads all events from now on, as a stream does.
async fn follow(store: Arc<PostgresStore>) -> skein_store::Result<()> {
    let mut after = store.lookup_event_bounds().await?.last;
    loop {
        store.wait_for_events(after).await;
        after = store.list_events(after, KindSet::all(), 200).await?.next;
    }
}

/// What the server has done so far.
struct Server {
    seconds: f64,
    /// That have written.
    transactions: f64,
    log_bytes: f64,
    stored_bytes: f64,
}

impl Server {
    fn look(server: &PostgresServer, database: &Database) -> Result<Self, Failure> {
        let number = |sql: &str| database.run(sql).parse::<f64>();
        Ok(Self {
            seconds: server_seconds(server)?,
            transactions: number("SELECT txid_current()")?,
            log_bytes: number("SELECT pg_current_wal_insert_lsn() - '0/0'")?,
            stored_bytes: number("SELECT pg_database_size(current_database())")?,
        })
    }
}

/// One for each task, with the sender; nobody is in two of them.
async fn conversations(
    store: &PostgresStore,
    tasks: u64,
    members: u64,
) -> Result<Vec<(ConversationId, UserId)>, Failure> {
    let mut conversations = Vec::new();
    for task in 0..tasks {
        let people: Vec<UserId> = (1..=members).map(|number| UserId(task * members + number)).collect();
        let made = people.iter().map(|id| {
            let user = v1::User { user_id: id.0, username: format!("user{}", id.0), ..Default::default() };
            store.create_user(UserRow { user, password_hash: String::new(), external_id: String::new() })
        });
        futures::future::try_join_all(made).await?;
        let conversation = if members == 2 {
            ConversationId::direct(people[0], people[1])
        } else {
            store.create_group(people[0], "a group", &people[1..], "", 1).await?.0
        };
        conversations.push((conversation, people[0]));
    }
    Ok(conversations)
}

/// All tasks append for so long; how much was acked.
async fn run(
    stores: &[Arc<PostgresStore>],
    conversations: &[(ConversationId, UserId)],
    first: u64,
    time: Duration,
) -> Result<u64, Failure> {
    let acked = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut senders = JoinSet::new();
    for (task, (conversation, sender)) in conversations.iter().copied().enumerate() {
        let (store, acked) = (stores[task % stores.len()].clone(), acked.clone());
        senders.spawn(async move {
            for number in first.. {
                if begin.elapsed() >= time {
                    break;
                }
                store.append_message(message(conversation, sender, number)).await?;
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

fn message(conversation: ConversationId, sender: UserId, number: u64) -> AppendMessage {
    let text =
        v1::Text { text: "a message of the usual length, as people write them".to_owned(), ..Default::default() };
    AppendMessage {
        conversation,
        sender,
        // Grows with time, as a UUIDv7 does.
        client_message_id: format!("{:08x}-{:04x}-7000-8000-{:012x}", number >> 16, number & 0xffff, sender.0),
        content: v1::Content { body: Some(text.into()), ..Default::default() },
        client_time_ms: 0,
        options: v1::SendOptions::default(),
        external_id: String::new(),
        now_ms: 1_790_000_000_000 + number,
    }
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
