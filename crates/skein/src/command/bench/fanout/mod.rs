//! `skein bench fanout`: a hot live room. How many deliveries a core of the server makes in a second, whether any is lost without anybody saying so, and how late they are.

mod member;
mod push;
mod sender;

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

use self::member::{Member, Totals};
use super::{
    report::{Report, progress, say},
    server::{Server, check_connections, cpu_of, new_host_key},
};
use crate::command::{Error, Outcome};

/// The room.
const ROOM: &str = "bench";
/// Members that connect at the same time.
const CONCURRENCY: usize = 32;
/// People who talk; each on a connection of its own.
const SENDERS: usize = 8;
/// The room is hot before anything is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the last messages may take.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// With more of all CPU time than this, and deliveries that were lost because they were read too slowly, the generator was what was measured.
const GENERATOR_SHARE_MAX: f64 = 0.6;

/// Options of `skein bench fanout`.
#[derive(clap::Args)]
pub struct Args {
    /// Members of the room; a process may hold about as many as it may open files
    #[arg(long, default_value_t = 10_000)]
    members: usize,
    /// Messages per second to the room
    #[arg(long, default_value_t = 400.0)]
    rate: f64,
    /// Bytes of text of each message
    #[arg(long, default_value_t = 64)]
    bytes: usize,
    /// Length of each stage, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Raw TCP instead of WebSocket
    #[arg(long)]
    tcp: bool,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What a stage took.
struct Stage {
    sent: u64,
    sampled: u64,
    deliveries: u64,
    frames: u64,
    server: Duration,
    generator: Duration,
    took: Duration,
}

pub async fn run(args: Args) -> Outcome {
    check_connections(args.members, "members")?;
    if args.rate <= 0.0 || args.bytes < sender::STAMP_BYTES {
        return Err(format!("--rate must be above 0 and --bytes at least {}", sender::STAMP_BYTES).into());
    }
    // The room is to be as hot as asked for; allowances are not what is measured.
    let unlimited = |name| (name, "1000000000".to_owned());
    let environment = vec![
        unlimited("SKEIN__SERVICE__ROOMS__USER_MESSAGES_PER_S"),
        unlimited("SKEIN__SERVICE__ROOMS__USER_MESSAGES_BURST"),
        unlimited("SKEIN__SERVICE__ROOMS__MESSAGES_PER_S"),
    ];
    let server = Server::start_with(false, new_host_key(), environment)?;
    let people = server.log_in(args.members + SENDERS).await?;
    let (members, talkers) = people.split_at(args.members);
    let totals = Arc::new(Totals::new()?);
    let mut tasks = JoinSet::new();
    join_all(&server, members, args.tcp, &totals, &mut tasks).await?;
    let mut senders = Vec::new();
    for login in talkers {
        senders.push(sender::Sender::connect(&server, login, args.tcp).await?);
    }
    let start = totals.start();
    say("everybody is there; warming up");
    stage(&args, &server, &mut senders, &totals, start, args.rate, WARM_UP).await?;
    let length = Duration::from_secs(args.seconds);
    say("a hot room");
    let hot = stage(&args, &server, &mut senders, &totals, start, args.rate, length).await?;
    say("latencies at half of that");
    totals.forget_latencies();
    let calm = stage(&args, &server, &mut senders, &totals, start, args.rate / 2.0, length).await?;
    print(&args, &totals, &hot, &calm)
}

async fn join_all(
    server: &Server,
    people: &[skein_client::account::Login],
    tcp: bool,
    totals: &Arc<Totals>,
    tasks: &mut JoinSet<()>,
) -> Result<(), Error> {
    let (address, options) = (server.address(tcp)?, server.options());
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut joining = JoinSet::new();
    let mut joined = 0;
    for login in people {
        let permit = permits.clone().acquire_owned().await?;
        let (address, options, login, totals) = (address.clone(), options.clone(), login.clone(), totals.clone());
        joining.spawn(async move {
            let _permit = permit;
            Member::join(&address, &options, &login, ROOM, totals).await
        });
        while let Some(done) = joining.try_join_next() {
            tasks.spawn(done??.run());
            joined += 1;
            if joined % 500 == 0 {
                progress("joining", joined, people.len());
            }
        }
    }
    while let Some(done) = joining.join_next().await {
        tasks.spawn(done??.run());
    }
    progress("joining", people.len(), people.len());
    Ok(())
}

/// Talks for a while at this rate, then waits until everybody is where the room is.
async fn stage(
    args: &Args,
    server: &Server,
    senders: &mut [sender::Sender],
    totals: &Arc<Totals>,
    start: Instant,
    rate: f64,
    length: Duration,
) -> Result<Stage, Error> {
    let (server_before, generator_before) = (server.cpu()?, cpu_of("self")?);
    let (deliveries, frames) = (totals.received.load(Ordering::Relaxed), totals.frames.load(Ordering::Relaxed));
    let began = Instant::now();
    let share = rate / senders.len() as f64;
    let talking = senders.iter_mut().map(|sender| sender.talk(start, share, args.bytes, length));
    let mut sent = sender::Sent::default();
    for talked in futures::future::join_all(talking).await {
        sent.add(&talked?);
    }
    let expected = sent.next_offset;
    let drained = async {
        while totals.behind(args.members, expected) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(DRAIN_MAX, drained).await;
    Ok(Stage {
        sent: sent.messages,
        sampled: sent.sampled,
        deliveries: totals.received.load(Ordering::Relaxed) - deliveries,
        frames: totals.frames.load(Ordering::Relaxed) - frames,
        server: server.cpu()?.saturating_sub(server_before),
        generator: cpu_of("self")?.saturating_sub(generator_before),
        took: began.elapsed(),
    })
}

fn print(args: &Args, totals: &Totals, hot: &Stage, calm: &Stage) -> Outcome {
    let lost_told = totals.lost.load(Ordering::Relaxed);
    let share = hot.generator.as_secs_f64() / (hot.generator + hot.server).as_secs_f64().max(0.001);
    let possible = (hot.sent * args.members as u64).max(1);
    if share > GENERATOR_SHARE_MAX && lost_told as f64 > 0.01 * possible as f64 {
        return Err(format!(
            "the generator was the limit: it took {:.0} % of the CPU time and {lost_told} deliveries came too fast for it; use a lower --rate",
            share * 100.0
        )
        .into());
    }
    let latencies = totals.latencies()?;
    let ms = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    let mut report = Report::default();
    report.add("members", args.members);
    report.add("message_bytes", args.bytes);
    report.add_rounded("sent_per_second", hot.sent as f64 / hot.took.as_secs_f64());
    report.add_rounded("deliveries_per_second", hot.deliveries as f64 / hot.took.as_secs_f64());
    report.add_rounded("deliveries_per_core_second", hot.deliveries as f64 / hot.server.as_secs_f64().max(0.001));
    report.add_rounded("messages_per_frame", hot.deliveries as f64 / (hot.frames.max(1)) as f64);
    report.add_rounded("server_us_per_frame", hot.server.as_secs_f64() * 1e6 / (hot.frames.max(1)) as f64);
    report.add_rounded("server_cores", hot.server.as_secs_f64() / hot.took.as_secs_f64());
    report.add_rounded("generator_cpu_share", share);
    report.add("lost_silently", totals.silently.load(Ordering::Relaxed) + totals.never_came.load(Ordering::Relaxed));
    report.add("lost_and_told", lost_told);
    report.add("sampled", hot.sampled + calm.sampled);
    report.add("order_violations", totals.disorder.load(Ordering::Relaxed));
    report.add_rounded("half_load_per_second", calm.sent as f64 / calm.took.as_secs_f64());
    for (name, quantile) in
        [("half_load_p50_ms", 0.5), ("half_load_p99_ms", 0.99), ("half_load_p999_ms", 0.999), ("half_load_max_ms", 1.0)]
    {
        report.add_rounded(name, ms(quantile));
    }
    report.add("transport", if args.tcp { "tcp" } else { "websocket" });
    report.print(args.json);
    Ok(())
}
