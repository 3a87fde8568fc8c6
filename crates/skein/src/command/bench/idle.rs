//! `skein bench idle`: what a connection costs that does nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit};
use skein_client::{Address, account::Login};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    peer::{Heard, Peer},
    report::{Report, progress, say, transport},
    server::Server,
};
use crate::command::Outcome;

/// Pairs that connect at the same time.
const CONCURRENCY: usize = 32;
/// Files that a process needs besides its connections.
const FILES_SPARE: u64 = 64;
/// How long memory may settle before it is read.
const SETTLE: Duration = Duration::from_secs(3);
/// How long the cost of idling is watched.
const WATCH: Duration = Duration::from_secs(10);

/// Options of `skein bench idle`.
#[derive(clap::Args)]
pub struct Args {
    /// How many connections; a process may hold about as many as it may open files
    #[arg(long, default_value_t = 15_000)]
    connections: usize,
    /// Encrypted connections
    #[arg(long)]
    tls: bool,
    /// Raw TCP instead of WebSocket
    #[arg(long)]
    tcp: bool,
    /// QUIC instead of WebSocket; it is encrypted
    #[arg(long, conflicts_with_all = ["tls", "tcp"])]
    quic: bool,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Outcome {
    let count = args.connections.max(2).next_multiple_of(2);
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if count as u64 + FILES_SPARE > limit {
        return Err(format!("{count} connections need more than the {limit} files that a process may open here").into());
    }
    let server = if args.quic { Server::start_with_quic()? } else { Server::start(args.tls)? };
    let people = server.log_in(count).await?;
    tokio::time::sleep(SETTLE).await;
    let before = server.resident_bytes()?;
    let start = Instant::now();
    let address = if args.quic { server.quic_address()? } else { server.address(args.tcp)? };
    let peers = connect_all(&server, &people, &address).await?;
    let connecting = start.elapsed();
    tokio::time::sleep(SETTLE).await;
    let after = server.resident_bytes()?;
    say("connected; watching what idling costs");
    let cpu = server.cpu()?;
    tokio::time::sleep(WATCH).await;
    let idle_cpu = server.cpu()?.saturating_sub(cpu);

    let mut report = Report::default();
    report.add("connections", peers.len());
    report.add("server_bytes_per_connection", after.saturating_sub(before) / count as u64);
    report.add("server_rss_before_bytes", before);
    report.add("server_rss_after_bytes", after);
    report.add("tls", address.tls);
    report.add("transport", transport(&address));
    report.add_rounded("connects_per_second", count as f64 / connecting.as_secs_f64());
    report.add_rounded("idle_server_cores", idle_cpu.as_secs_f64() / WATCH.as_secs_f64());
    report.print(args.json);
    Ok(())
}

async fn connect_all(server: &Server, people: &[Login], address: &Address) -> Result<Vec<Peer>, crate::command::Error> {
    let options = server.options();
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut tasks = JoinSet::new();
    let mut peers = Vec::with_capacity(people.len());
    for pair in people.chunks_exact(2) {
        let permit = permits.clone().acquire_owned().await?;
        let (address, options, pair) = (address.clone(), options.clone(), pair.to_vec());
        tasks.spawn(async move {
            let _permit = permit;
            let mut one = Peer::connect(&address, &options, &pair[0]).await?;
            let mut other = Peer::connect(&address, &options, &pair[1]).await?;
            greet(&mut one, &mut other, pair[1].user.user_id).await?;
            greet(&mut other, &mut one, pair[0].user.user_id).await?;
            Ok::<_, crate::command::Error>([one, other])
        });
        while let Some(done) = tasks.try_join_next() {
            peers.extend(done?.map_err(|error| error.to_string())?);
            if peers.len().is_multiple_of(500) {
                progress("connecting", peers.len(), people.len());
            }
        }
    }
    while let Some(done) = tasks.join_next().await {
        peers.extend(done?.map_err(|error| error.to_string())?);
    }
    progress("connecting", peers.len(), people.len());
    Ok(peers)
}

/// One message from one to the other, acked by both sides.
async fn greet(from: &mut Peer, to: &mut Peer, to_id: u64) -> Result<(), crate::command::Error> {
    from.send(to_id, "hello".to_owned())?;
    from.flush().await?;
    let mut heard = Vec::new();
    while !heard.iter().any(|heard| matches!(heard, Heard::Answer(_, Ok(_)))) {
        from.hear(&mut heard).await?;
        if let Some(Heard::Answer(_, Err(error))) = heard.last() {
            return Err(error.clone().into());
        }
    }
    heard.clear();
    while !heard.iter().any(|heard| matches!(heard, Heard::Message(_))) {
        to.hear(&mut heard).await?;
    }
    to.acknowledge()?;
    to.flush().await
}
