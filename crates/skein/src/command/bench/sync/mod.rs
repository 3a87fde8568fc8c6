//! `skein bench sync`: what it costs that a device which was away, or is new, has everything again.

mod device;
mod fill;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::{
    device::{Synced, World},
    fill::fill,
};
use super::{
    report::{Report, progress, say},
    send::stage::LATENCY_MAX_US,
    server::{Server, cpu_of},
};
use crate::command::{Error, Outcome};

/// Devices that sync at the same time while it is found out how many can.
const WINDOW: usize = 16;
/// Of what can be done, the part at which latencies are taken.
const CALM: f64 = 0.5;
/// With more of all CPU time than this the generator was what was measured.
const GENERATOR_SHARE_MAX: f64 = 0.6;
/// Devices that may be under way at once; above it the rate does not hold.
const UNDER_WAY_MAX: usize = 2_000;

/// Options of `skein bench sync`.
#[derive(clap::Args)]
pub struct Args {
    /// People whose devices sync
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(3..))]
    users: u64,
    /// Conversations of each; even
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(2..))]
    conversations: u64,
    /// Messages in each conversation
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// Changes that a device which was away has missed
    #[arg(long, default_value_t = 100)]
    missed: u64,
    /// Length of each stage, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What a stage saw.
struct Stage {
    count: u64,
    seconds: f64,
    server: Duration,
    generator: Duration,
    latency_us: Histogram<u64>,
    synced: Synced,
}

pub async fn run(args: Args) -> Outcome {
    let (users, each) = (args.users as usize, (args.conversations as usize / 2).min((args.users as usize - 1) / 2));
    let server = Server::start(false)?;
    let people = server.log_in(users).await?;
    fill(&server, &people, each, args.messages).await?;
    let world = Arc::new(World::new(server.address(false)?, server.options(), people).await?);
    let length = Duration::from_secs(args.seconds);
    let mut report = Report::default();
    report.add("users", users);
    report.add("conversations_per_user", 2 * each);
    report.add("messages_per_conversation", args.messages);
    // A new device has nothing; the other one lacks the last changes.
    for (name, missed) in [("new_device", None), ("after_absence", Some(args.missed))] {
        say(&format!("{}: as many as can be", name.replace('_', " ")));
        let hot = together(&server, &world, missed, length).await?;
        let share = hot.generator.as_secs_f64() / (hot.generator + hot.server).as_secs_f64().max(0.001);
        if share > GENERATOR_SHARE_MAX {
            let percent = share * 100.0;
            return Err(format!("the generator was the limit: it took {percent:.0} % of the CPU time").into());
        }
        let rate = hot.count as f64 / hot.seconds * CALM;
        say(&format!("{}: {rate:.0} per second, for the latencies", name.replace('_', " ")));
        let calm = on_schedule(&server, &world, missed, length, rate).await?;
        report.add(name, shown(&hot, &calm, share));
    }
    report.print(args.json);
    Ok(())
}

fn shown(hot: &Stage, calm: &Stage, share: f64) -> Value {
    let round = |value: f64| (value * 10.0).round() / 10.0;
    let ms = |quantile| calm.latency_us.value_at_quantile(quantile) as f64 / 1_000.0;
    let (count, messages) = (hot.count.max(1) as f64, hot.synced.messages.max(1) as f64);
    json!({
        "syncs_per_second": round(hot.count as f64 / hot.seconds),
        "server_cpu_us_per_sync": round(hot.server.as_secs_f64() * 1e6 / count),
        "server_cpu_us_per_message": round(hot.server.as_secs_f64() * 1e6 / messages),
        "entries_per_sync": round(hot.synced.entries as f64 / count),
        "messages_per_sync": round(hot.synced.messages as f64 / count),
        "bytes_per_sync": hot.synced.bytes / hot.count.max(1),
        "requests_per_sync": round(hot.synced.requests as f64 / count),
        "generator_cpu_share": round(share * 100.0) / 100.0,
        "latency_rate_per_second": round(calm.count as f64 / calm.seconds),
        "p50_ms": ms(0.5),
        "p99_ms": ms(0.99),
        "p999_ms": ms(0.999),
        "max_ms": calm.latency_us.max() as f64 / 1_000.0,
    })
}

/// A closed loop: so many devices, one sync after the other.
async fn together(server: &Server, world: &Arc<World>, missed: Option<u64>, length: Duration) -> Result<Stage, Error> {
    let watch = Watch::start(server)?;
    let end = Instant::now() + length;
    let mut devices = JoinSet::new();
    for device in 0..WINDOW {
        let world = world.clone();
        devices.spawn(async move {
            let (mut synced, mut latency_us) = (Vec::new(), Vec::new());
            while Instant::now() < end {
                let start = Instant::now();
                synced.push(world.sync(device + WINDOW * synced.len(), missed).await?);
                latency_us.push(start.elapsed());
            }
            Ok::<_, Error>((synced, latency_us))
        });
    }
    let mut stage = watch.stage()?;
    while let Some(done) = devices.join_next().await {
        let (synced, took) = done??;
        synced.iter().zip(took).for_each(|(synced, took)| stage.note(synced, took));
    }
    watch.finish(server, &mut stage)?;
    Ok(stage)
}

/// An open loop: a device comes at each of its times, however long the others take; latency counts from then.
async fn on_schedule(
    server: &Server,
    world: &Arc<World>,
    missed: Option<u64>,
    length: Duration,
    rate: f64,
) -> Result<Stage, Error> {
    let watch = Watch::start(server)?;
    let mut stage = watch.stage()?;
    let count = ((rate * length.as_secs_f64()) as usize).max(1);
    let mut devices = JoinSet::new();
    for number in 0..count {
        let due = watch.begin + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        let world = world.clone();
        devices.spawn(async move {
            let synced = world.sync(number, missed).await?;
            Ok::<_, Error>((synced, due.elapsed()))
        });
        while let Some(done) = devices.try_join_next() {
            let (synced, took) = done??;
            stage.note(&synced, took);
        }
        if devices.len() > UNDER_WAY_MAX {
            return Err(format!("{rate:.0} syncs per second do not hold: {UNDER_WAY_MAX} are under way").into());
        }
        progress("syncing", number + 1, count);
    }
    while let Some(done) = devices.join_next().await {
        let (synced, took) = done??;
        stage.note(&synced, took);
    }
    watch.finish(server, &mut stage)?;
    Ok(stage)
}

/// What was used when a stage began.
struct Watch {
    begin: Instant,
    server: Duration,
    generator: Duration,
}

impl Watch {
    fn start(server: &Server) -> Result<Self, Error> {
        Ok(Self { begin: Instant::now(), server: server.cpu()?, generator: cpu_of("self")? })
    }

    fn stage(&self) -> Result<Stage, Error> {
        Ok(Stage {
            count: 0,
            seconds: 0.0,
            server: Duration::ZERO,
            generator: Duration::ZERO,
            latency_us: Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?,
            synced: Synced::default(),
        })
    }

    fn finish(&self, server: &Server, stage: &mut Stage) -> Outcome {
        stage.seconds = self.begin.elapsed().as_secs_f64();
        stage.server = server.cpu()?.saturating_sub(self.server);
        stage.generator = cpu_of("self")?.saturating_sub(self.generator);
        Ok(())
    }
}

impl Stage {
    fn note(&mut self, synced: &Synced, took: Duration) {
        self.count += 1;
        self.synced.add(synced);
        self.latency_us.saturating_record(took.as_micros() as u64);
    }
}
