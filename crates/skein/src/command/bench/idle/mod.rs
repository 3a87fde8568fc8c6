//! `skein bench idle`: what a connection costs that does nothing but say, now and then, that it is there.

mod part;

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

pub use part::{Args as PartArgs, run as run_part};

use self::part::{Part, Plan};
use super::{
    report::{Report, progress, say, transport},
    server::{Server, Wire, connections_max},
};
use crate::command::{Error, Outcome};

/// Connections from one address, even: it has not many more ports. Each process gets an address of its own.
const PORTS_MAX: usize = 25_000;
/// How long memory may settle before it is read.
const SETTLE: Duration = Duration::from_secs(3);

/// Options of `skein bench idle`.
#[derive(clap::Args)]
pub struct Args {
    /// How many connections; as many servers share them as it takes with the files that a process may open here
    #[arg(long, default_value_t = 15_000)]
    connections: usize,
    #[command(flatten)]
    wire: Wire,
    /// Seconds between two pings of a connection: the server's default
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600))]
    heartbeat: u32,
    /// Seconds for which the cost of idling is watched
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// A server with those who connect to it.
struct Share {
    server: Server,
    connections: usize,
    parts: Vec<Part>,
}

pub async fn run(args: Args) -> Outcome {
    let count = args.connections.max(2).next_multiple_of(2);
    let per_process = connections_max() / 2 * 2;
    if per_process < 2 {
        return Err("this system lets a process open too few files; raise its limit (ulimit -n)".into());
    }
    let mut shares = start(&args, count, per_process)?;
    for (at, share) in shares.iter_mut().enumerate() {
        share.parts.iter_mut().try_for_each(Part::log_in)?;
        progress("servers with people", at + 1, count.div_ceil(per_process));
    }
    tokio::time::sleep(SETTLE).await;
    let before = resident(&shares)?;
    let start = Instant::now();
    let mut connected = 0;
    for share in &mut shares {
        share.parts.iter_mut().try_for_each(Part::connect)?;
        connected += share.connections;
        progress("connecting", connected, count);
    }
    let connecting = start.elapsed();
    tokio::time::sleep(SETTLE).await;
    let after = resident(&shares)?;
    say("connected; watching what idling costs");
    let (watched, cpu) = (Instant::now(), cpu(&shares)?);
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let cores = cpu_since(&shares, cpu)?.as_secs_f64() / watched.elapsed().as_secs_f64();
    shares.iter_mut().flat_map(|share| &mut share.parts).try_for_each(Part::finish)?;

    let mut report = Report::default();
    report.add("connections", count);
    report.add("server_processes", shares.len());
    report.add("generator_processes", shares.iter().map(|share| share.parts.len()).sum::<usize>());
    report.add("server_bytes_per_connection", after.saturating_sub(before) / count as u64);
    report.add("server_rss_before_bytes", before);
    report.add("server_rss_after_bytes", after);
    report.add("tls", args.wire.is_encrypted());
    report.add("transport", transport(&shares[0].parts[0].plan.address()?));
    report.add("heartbeat_s", args.heartbeat);
    report.add_rounded("connects_per_second", count as f64 / connecting.as_secs_f64());
    report.add_rounded("idle_server_cores", cores);
    report.add_rounded("cores_per_100k_idle", cores * 100_000.0 / count as f64);
    report.print(args.json);
    Ok(())
}

/// Servers, each with as many connections as it may have files, and processes that will make them.
fn start(args: &Args, count: usize, per_process: usize) -> Result<Vec<Share>, Error> {
    let (mut shares, mut sources) = (Vec::new(), 1..=254_u8);
    for first in (0..count).step_by(per_process) {
        let heartbeat = ("SKEIN__ACCESS__HEARTBEAT_MS", (args.heartbeat * 1_000).to_string());
        let server = args.wire.start(vec![heartbeat])?;
        let address = args.wire.address(&server)?;
        let connections = per_process.min(count - first);
        let mut parts = Vec::new();
        for first in (0..connections).step_by(PORTS_MAX) {
            parts.push(Part::start(Plan {
                address: address.to_string(),
                log_in_address: server.address(true)?.to_string(),
                trusted_certificates: server.options().trusted_certificates,
                host_key: server.host_key().to_owned(),
                source: Ipv4Addr::new(127, 0, 0, sources.next().ok_or("so many connections need more addresses")?)
                    .into(),
                first,
                count: PORTS_MAX.min(connections - first),
                heartbeat_ms: u64::from(args.heartbeat) * 1_000,
            })?);
        }
        shares.push(Share { server, connections, parts });
    }
    Ok(shares)
}

fn resident(shares: &[Share]) -> Result<u64, Error> {
    shares.iter().map(|share| share.server.resident_bytes()).sum()
}

fn cpu(shares: &[Share]) -> Result<Duration, Error> {
    shares.iter().map(|share| share.server.cpu()).sum()
}

fn cpu_since(shares: &[Share], before: Duration) -> Result<Duration, Error> {
    Ok(cpu(shares)?.saturating_sub(before))
}
