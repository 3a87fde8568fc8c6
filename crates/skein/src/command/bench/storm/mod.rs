//! `skein bench storm`: everybody is cut off at once, and comes back.

mod relay;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use skein_client::{Address, Client, MemoryCache, Update, account::Login};
use skein_proto::id::{ConversationId, UserId};
use tokio::{sync::broadcast::error::RecvError, task::JoinSet};

use self::relay::Relay;
use super::{
    report::{Report, progress, say},
    send::stage::LATENCY_MAX_US,
    server::{Server, check_connections, cpu_of},
};
use crate::command::{Error, Outcome};

/// Files of this process for each client: its own end, and both of the network between.
const FILES_PER_CLIENT: usize = 3;
/// How long everybody may take to connect, and to have everything in the end.
const PATIENCE: Duration = Duration::from_secs(90);
/// Latencies are looked at in windows of this length.
const WINDOW: Duration = Duration::from_secs(1);
/// The steady p99 is back in the first of two windows in a row that are below this many times it.
const STEADY: f64 = 1.5;
/// How long the load goes on after the cut.
const AFTER: Duration = Duration::from_secs(40);
/// Between two looks at a condition.
const STEP: Duration = Duration::from_millis(20);

/// Options of `skein bench storm`.
#[derive(clap::Args)]
pub struct Args {
    /// Clients, in pairs that write to one another; each is the whole Rust SDK
    #[arg(long, default_value_t = 3_000)]
    connections: usize,
    /// Messages per second of all together
    #[arg(long, default_value_t = 300.0)]
    rate: f64,
    /// How long the steady state is watched, in seconds
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What the connections do.
#[derive(Default)]
struct Links {
    online: AtomicU64,
    returned: AtomicU64,
    resumed: AtomicU64,
    /// After the cut, in microseconds, the last one to come back.
    last_us: AtomicU64,
}

/// A message that was acked.
struct Acked {
    from: usize,
    seq: u64,
    due: Instant,
    took: Duration,
}

pub async fn run(args: Args) -> Outcome {
    let count = args.connections.max(2).next_multiple_of(2);
    check_connections(count * FILES_PER_CLIENT, "connections of clients and of the network between")?;
    if args.rate <= 0.0 {
        return Err("--rate must be above 0".into());
    }
    let server = Server::start(false)?;
    let people = server.log_in(count).await?;
    let relay = Relay::start(server.http())?;
    let links = Arc::new(Links::default());
    let clients = connect(&server, &relay, &people, &links).await?;
    say("steady");
    let begin = Instant::now();
    let cut = begin + Duration::from_secs(args.seconds.max(2));
    let load = tokio::spawn(send_all(clients.clone(), args.rate, begin, cut + AFTER));
    tokio::time::sleep_until(cut.into()).await;
    let (server_cpu, generator_cpu) = (server.cpu()?, cpu_of("self")?);
    say(&format!("{count} connections end"));
    relay.cut();
    let acked = load.await?.map_err(|error| error.to_string())?;
    let server_cpu = server.cpu()?.saturating_sub(server_cpu).as_secs_f64();
    let generator_cpu = cpu_of("self")?.saturating_sub(generator_cpu).as_secs_f64();
    say("looking whether everybody has everything");
    let lost = lost(&clients, &acked).await;
    let steady = window(&acked, begin, cut)?.value_at_quantile(0.99) as f64 / 1_000.0;
    let returned = links.returned.load(Ordering::Relaxed);
    let mut report = Report::default();
    report.add("connections", count);
    report.add("returned", returned);
    report.add_rounded("resumed_share", links.resumed.load(Ordering::Relaxed) as f64 / returned.max(1) as f64);
    report.add_rounded("all_back_after_s", links.last_us.load(Ordering::Relaxed) as f64 / 1e6);
    report.add_rounded("steady_p99_ms", steady);
    let worst = window(&acked, cut, cut + AFTER)?;
    report.add_rounded("after_p50_ms", worst.value_at_quantile(0.5) as f64 / 1_000.0);
    report.add_rounded("after_max_ms", worst.max() as f64 / 1_000.0);
    let recovered = recovered(&acked, cut, steady)?;
    report.add("recovered_after_s", recovered);
    report.add("acked", acked.len());
    report.add("lost", lost);
    report.add_rounded("rate_per_second", args.rate);
    report.add_rounded("generator_cpu_share", generator_cpu / (generator_cpu + server_cpu).max(1e-9));
    report.print(args.json);
    match (lost, recovered) {
        (0, Some(_)) => Ok(()),
        (0, None) => Err(format!("the steady p99 was not back within {} s", AFTER.as_secs()).into()),
        _ => Err(format!("{lost} messages were lost").into()),
    }
}

/// Everybody, online.
async fn connect(
    server: &Server,
    relay: &Relay,
    people: &[Login],
    links: &Arc<Links>,
) -> Result<Arc<Vec<Client>>, Error> {
    let address: Address = format!("http://{}", relay.address()).parse()?;
    let mut clients = Vec::with_capacity(people.len());
    let start = Instant::now();
    for (index, login) in people.iter().enumerate() {
        let client = Client::start(address.clone(), server.options(), login.clone(), MemoryCache::default());
        tokio::spawn(watch(client.updates(), links.clone()));
        clients.push(client);
        // Not a storm yet.
        while links.online.load(Ordering::Relaxed) + 64 < index as u64 {
            if start.elapsed() > PATIENCE {
                return Err("not everybody could connect".into());
            }
            tokio::time::sleep(STEP).await;
        }
        progress("connecting", index + 1, people.len());
    }
    while links.online.load(Ordering::Relaxed) < people.len() as u64 {
        if start.elapsed() > PATIENCE {
            return Err("not everybody could connect".into());
        }
        tokio::time::sleep(STEP).await;
    }
    Ok(Arc::new(clients))
}

/// Counts what one connection does: the first time it comes, and the first time it comes back.
async fn watch(mut updates: tokio::sync::broadcast::Receiver<Update>, links: Arc<Links>) {
    let (mut times, mut lost_at) = (0, None);
    loop {
        match updates.recv().await {
            Ok(Update::Online { resumed }) => {
                times += 1;
                if times == 1 {
                    links.online.fetch_add(1, Ordering::Relaxed);
                } else if times == 2 {
                    links.returned.fetch_add(1, Ordering::Relaxed);
                    links.resumed.fetch_add(u64::from(resumed), Ordering::Relaxed);
                    let since = lost_at.map_or(Duration::ZERO, |at: Instant| at.elapsed());
                    links.last_us.fetch_max(since.as_micros() as u64, Ordering::Relaxed);
                }
            }
            Ok(Update::Offline(_)) => {
                lost_at.get_or_insert_with(Instant::now);
            }
            Ok(Update::Closed(..)) | Err(RecvError::Closed) => return,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
        }
    }
}

/// Sends on an open-loop schedule until the end, and waits for every answer.
async fn send_all(
    clients: Arc<Vec<Client>>,
    rate: f64,
    begin: Instant,
    end: Instant,
) -> Result<Vec<Acked>, skein_client::ClientError> {
    let interval = Duration::from_secs_f64(1.0 / rate);
    let (mut due, mut turn, mut open, mut acked) = (begin, 0, JoinSet::new(), Vec::new());
    while due < end {
        tokio::time::sleep_until(due.into()).await;
        while due <= Instant::now() && due < end {
            let from = turn % clients.len();
            let (client, to) = (clients[from].clone(), clients[from ^ 1].user_id());
            open.spawn(async move {
                let sent = client.send_text_to(to, "the quick brown fox jumps over the lazy dog, again").await?;
                Ok::<_, skein_client::ClientError>(Acked { from, seq: sent.seq, due, took: due.elapsed() })
            });
            (due, turn) = (due + interval, turn + 1);
        }
        while let Some(done) = open.try_join_next() {
            acked.extend(done.ok().transpose()?);
        }
    }
    while let Some(done) = open.join_next().await {
        acked.extend(done.ok().transpose()?);
    }
    Ok(acked)
}

/// Acked messages that a receiver does not show, once everybody had time.
async fn lost(clients: &[Client], acked: &[Acked]) -> usize {
    let start = Instant::now();
    loop {
        let missing = acked
            .iter()
            .filter(|message| {
                let client = &clients[message.from ^ 1];
                let place = ConversationId::direct(UserId(client.user_id()), UserId(clients[message.from].user_id()));
                !client.with_timeline(|timeline| {
                    let known = timeline.conversations.get(&place.to_string());
                    known.is_some_and(|known| known.messages.contains_key(&message.seq))
                })
            })
            .count();
        if missing == 0 || start.elapsed() > PATIENCE {
            return missing;
        }
        tokio::time::sleep(WINDOW).await;
    }
}

/// Latencies of the messages that were due within this time.
fn window(acked: &[Acked], from: Instant, to: Instant) -> Result<Histogram<u64>, Error> {
    let mut histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?;
    for message in acked.iter().filter(|message| (from..to).contains(&message.due)) {
        histogram.saturating_record(message.took.as_micros() as u64);
    }
    Ok(histogram)
}

/// Seconds after the cut from which on a message is as fast as before.
fn recovered(acked: &[Acked], cut: Instant, steady_ms: f64) -> Result<Option<u64>, Error> {
    let windows = (AFTER.as_secs_f64() / WINDOW.as_secs_f64()) as u32;
    let mut before = false;
    for number in 0..windows {
        let from = cut + WINDOW * number;
        let seen = window(acked, from, from + WINDOW)?;
        let good = !seen.is_empty() && seen.value_at_quantile(0.99) as f64 / 1_000.0 <= steady_ms * STEADY;
        if good && before {
            return Ok(Some(u64::from(number - 1) * WINDOW.as_secs()));
        }
        before = good;
    }
    Ok(None)
}
