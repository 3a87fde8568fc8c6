//! `skein bench send`: how many messages, how fast, on an open-loop schedule.

mod compare;
pub mod stage;

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use skein_client::{Address, ConnectOptions};

use self::stage::{Bench, LATENCY_MAX_US, Pace, Stage, interval};
use super::{
    peer::Peer,
    people,
    report::{Report, say, transport},
    server::Wire,
};
use crate::command::Outcome;

/// Options of `skein bench send`.
#[derive(clap::Args)]
pub struct Args {
    /// Messages per second; found out when not given
    #[arg(long)]
    rate: Option<f64>,
    /// Length of each stage, in seconds
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// People, in pairs that write to one another
    #[arg(long, default_value_t = 32)]
    users: usize,
    #[command(flatten)]
    wire: Wire,
    /// A server that runs already, such as https://host:port or tcp://host:port; its own CPU time and disk are not measured then
    #[arg(long, requires = "host_key", conflicts_with_all = ["tls", "tcp", "quic"])]
    server: Option<Address>,
    /// The key with which that server lets a host application log people in
    #[arg(long, env = "SKEIN__SERVICE__HOST_KEY", hide_env_values = true)]
    host_key: Option<String>,
    /// Compare: a server with the embedded store, one node with PostgreSQL, and so many nodes with it, by turns
    #[arg(long, value_name = "NODES", conflicts_with_all = ["server", "rate", "tls", "tcp", "quic"])]
    cluster: Option<usize>,
    /// Writes of one transaction at most, the same for all that are compared
    #[arg(long, default_value_t = 128)]
    batch: usize,
    /// Turns that each of the compared takes
    #[arg(long, default_value_t = 3, requires = "cluster")]
    rounds: usize,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Outcome {
    let count = args.users.max(2).next_multiple_of(2);
    if let Some(nodes) = args.cluster {
        let length = Duration::from_secs(args.seconds.max(1));
        return compare::run(nodes, count, length, args.batch, args.rounds, args.json).await;
    }
    let (server, people, address, options) = match &args.server {
        None => {
            let server = args.wire.start(Vec::new())?;
            let address = args.wire.address(&server)?;
            let (people, options) = (server.log_in(count).await?, server.options());
            (Some(server), people, address, options)
        }
        Some(address) => {
            let options = ConnectOptions::default();
            let key = args.host_key.as_deref().unwrap_or_default();
            (None, people::log_in(address, &options, key, 0..count).await?, address.clone(), options)
        }
    };
    let fsync = server.as_ref().map(|server| measure_fsync(server.directory())).transpose()?;
    let mut peers = Vec::with_capacity(count);
    for login in &people {
        peers.push(Peer::connect(&address, &options, login).await.map_err(|error| error.to_string())?);
    }
    let length = Duration::from_secs(args.seconds.max(1));
    let mut bench = Bench { server, people: Arc::new(people), peers, stages: 0 };
    let peak = match args.rate {
        Some(rate) => bench.stage(Pace::Every(interval(rate, count)), length).await?,
        None => bench.find_peak(count, length).await?,
    };
    let rate = peak.seen.acked_in_time as f64 / peak.seconds;
    say(&format!("{rate:.0} messages per second hold; now 30 % of it, for the latencies"));
    let calm = bench.stage(Pace::Every(interval(rate * 0.3, count)), length).await?;
    report(&address, count, &peak, &calm, fsync.as_ref()).print(args.json);
    Ok(())
}

/// What one small write and fsync costs here, in microseconds.
fn measure_fsync(directory: &Path) -> Result<Histogram<u64>, crate::command::Error> {
    let mut histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?;
    let mut file = File::create(directory.join("fsync"))?;
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        histogram.saturating_record(start.elapsed().as_micros() as u64);
    }
    Ok(histogram)
}

fn report(address: &Address, connections: usize, peak: &Stage, calm: &Stage, fsync: Option<&Histogram<u64>>) -> Report {
    let ms = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    let mut report = Report::default();
    report.add_rounded("acked_per_second", peak.seen.acked_in_time as f64 / peak.seconds);
    report.add_rounded("delivered_per_second", peak.seen.delivered_in_time as f64 / peak.seconds);
    report.add_rounded("scheduled_per_second", peak.seen.scheduled as f64 / peak.seconds);
    report.add("rate_held", peak.seen.holds());
    report.add_rounded("latency_rate_per_second", calm.seen.scheduled as f64 / calm.seconds);
    report.add_rounded("ack_p50_ms", ms(&calm.seen.ack_us, 0.5));
    report.add_rounded("ack_p99_ms", ms(&calm.seen.ack_us, 0.99));
    report.add_rounded("deliver_p50_ms", ms(&calm.seen.deliver_us, 0.5));
    report.add_rounded("deliver_p99_ms", ms(&calm.seen.deliver_us, 0.99));
    report.add_rounded("peak_ack_p99_ms", ms(&peak.seen.ack_us, 0.99));
    report.add_rounded("peak_deliver_p99_ms", ms(&peak.seen.deliver_us, 0.99));
    let messages = peak.seen.acked.max(1) as f64;
    if let Some(server_cpu) = peak.server_cpu {
        report.add_rounded("server_cpu_us_per_message", server_cpu.as_secs_f64() * 1e6 / messages);
        let both = (server_cpu + peak.generator_cpu).as_secs_f64();
        report.add_rounded("generator_cpu_share", peak.generator_cpu.as_secs_f64() / both.max(1e-9));
    }
    report.add("unacked", peak.seen.scheduled - peak.seen.acked + (calm.seen.scheduled - calm.seen.acked));
    report.add("lagged_connections", peak.seen.lagged + calm.seen.lagged);
    report.add("undelivered", peak.seen.scheduled - peak.seen.delivered + (calm.seen.scheduled - calm.seen.delivered));
    if let Some(fsync) = fsync {
        report.add_rounded("fsync_p50_ms", ms(fsync, 0.5));
        report.add_rounded("fsync_p99_ms", ms(fsync, 0.99));
    }
    report.add("connections", connections);
    report.add("transport", transport(address));
    report.add("tls", address.tls);
    report
}
