//! The same load on a server with the embedded store, on one node with PostgreSQL, and on several: what a message costs, part by part.
//!
//! Everybody keeps so many sends open that all batches are full, so that the batches are of one size and the costs compare.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use skein_client::{Address, ConnectOptions, account::Login};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stage::{Bench, Pace};
use crate::command::{
    Error, Outcome,
    bench::{
        cluster::{Cluster, Plan},
        peer::Peer,
        report::{Report, say},
        server::{Server, cpu_of, cpu_with_ended_children},
    },
};

/// Sends that each connection keeps open.
const WINDOW: usize = 64;
/// Before it is measured: caches fill, PostgreSQL plans.
const WARM_UP: Duration = Duration::from_secs(4);
/// Nobody is cut off while others connect.
const HEARTBEAT_MS: u32 = 600_000;
/// Longest text of metrics that is read, in bytes.
const METRICS_BYTES_MAX: u64 = 1 << 20;

/// What is measured.
enum Subject {
    Embedded(Box<Server>),
    Cluster(Box<Cluster>),
}

/// What it has used so far.
#[derive(Clone, Copy, Default)]
struct Used {
    skein: Duration,
    postgres: Duration,
    nats: Duration,
    batches: f64,
    writes: f64,
}

/// What one subject did.
struct Measured {
    per_second: f64,
    skein_us: f64,
    postgres_us: f64,
    nats_us: f64,
    batch: f64,
    undelivered: u64,
}

/// Measures the three one after the other.
pub async fn run(nodes: usize, people: usize, length: Duration, batch: usize, json: bool) -> Outcome {
    say("the embedded store");
    let sqlite = vec![("SKEIN__SQLITE__BATCH_MAX", batch.to_string())];
    let embedded = Server::start_with(false, crate::command::bench::server::new_host_key(), sqlite)?;
    let embedded = measure(Subject::Embedded(Box::new(embedded)), people, length).await?;
    let mut clusters = Vec::new();
    for count in [1, nodes.max(1)] {
        say(&format!("PostgreSQL, {count} node(s)"));
        let plan = Plan { nodes: count, access_nodes: 0, proxies: false, heartbeat_ms: HEARTBEAT_MS };
        let variables = [("SKEIN__STORE__POSTGRES__BATCH_MAX", batch.to_string())];
        let cluster = tokio::task::block_in_place(|| Cluster::start(plan, &variables))?;
        clusters.push(measure(Subject::Cluster(Box::new(cluster)), people, length).await?);
    }
    let mut report = Report::default();
    report.add("sqlite", embedded.shown());
    report.add("postgres_1_node", clusters[0].shown());
    report.add("postgres_cluster", clusters[1].shown());
    report.add("nodes", nodes.max(1));
    report.add_rounded("cost_1_node_over_sqlite", clusters[0].total_us() / embedded.total_us());
    report.add_rounded("cost_cluster_over_sqlite", clusters[1].total_us() / embedded.total_us());
    report.add_rounded("rate_cluster_over_1_node", clusters[1].per_second / clusters[0].per_second);
    report.add_rounded("rate_cluster_over_sqlite", clusters[1].per_second / embedded.per_second);
    report.add("connections", people);
    report.add("batch_max", batch);
    report.print(json);
    Ok(())
}

impl Measured {
    /// Processor time of a message, of all parts together, in microseconds.
    fn total_us(&self) -> f64 {
        self.skein_us + self.postgres_us + self.nats_us
    }

    fn shown(&self) -> Value {
        let round = |value: f64| (value * 10.0).round() / 10.0;
        json!({
            "acked_per_second": round(self.per_second),
            "skein_cpu_us": round(self.skein_us),
            "postgres_cpu_us": round(self.postgres_us),
            "nats_cpu_us": round(self.nats_us),
            "total_cpu_us": round(self.total_us()),
            "mean_batch": round(self.batch),
            "undelivered": self.undelivered,
        })
    }
}

async fn measure(subject: Subject, people: usize, length: Duration) -> Result<Measured, Error> {
    let logins = subject.log_in(people).await?;
    let mut peers = Vec::with_capacity(people);
    for (index, login) in logins.iter().enumerate() {
        peers.push(Peer::connect(&subject.address(index)?, &subject.options(), login).await?);
    }
    let mut bench = Bench { server: None, people: Arc::new(logins), peers, stages: 0 };
    bench.stage(Pace::Window(WINDOW), WARM_UP).await?;
    let before = subject.used().await?;
    let stage = bench.stage(Pace::Window(WINDOW), length).await?;
    let after = subject.used().await?;
    let messages = stage.seen.acked.max(1) as f64;
    let us = |after: Duration, before: Duration| after.saturating_sub(before).as_secs_f64() * 1e6 / messages;
    Ok(Measured {
        per_second: stage.seen.acked_in_time as f64 / stage.seconds,
        skein_us: us(after.skein, before.skein),
        postgres_us: us(after.postgres, before.postgres),
        nats_us: us(after.nats, before.nats),
        batch: (after.writes - before.writes) / (after.batches - before.batches).max(1.0),
        undelivered: stage.seen.scheduled - stage.seen.delivered.min(stage.seen.scheduled),
    })
}

impl Subject {
    async fn log_in(&self, count: usize) -> Result<Vec<Login>, Error> {
        match self {
            Self::Embedded(server) => server.log_in(count).await,
            Self::Cluster(cluster) => cluster.log_in(count).await,
        }
    }

    /// Neighbours, who write to one another, are on different nodes.
    fn address(&self, person: usize) -> Result<Address, Error> {
        match self {
            Self::Embedded(server) => server.address(false),
            Self::Cluster(cluster) => cluster.address(person, false),
        }
    }

    fn options(&self) -> ConnectOptions {
        match self {
            Self::Embedded(server) => server.options(),
            Self::Cluster(cluster) => cluster.options(),
        }
    }

    fn servers(&self) -> Vec<&Server> {
        match self {
            Self::Embedded(server) => vec![&**server],
            Self::Cluster(cluster) => cluster.servers().collect(),
        }
    }

    async fn used(&self) -> Result<Used, Error> {
        let mut used = Used::default();
        for server in self.servers() {
            used.skein += server.cpu()?;
            let metrics = metrics_of(server).await?;
            used.batches += figure(&metrics, "skein_store_batches_total");
            used.writes += figure(&metrics, "skein_store_writes_total");
        }
        if let Self::Cluster(cluster) = self {
            for (place, pid) in cluster.postgres_pids().iter().enumerate() {
                // The first one is the parent, which has what its ended children used.
                let cpu = if place == 0 { cpu_with_ended_children(*pid) } else { cpu_of(&pid.to_string()) };
                used.postgres += cpu.unwrap_or_default();
            }
            if let Some(nats) = cluster.nats_pid() {
                used.nats += cpu_of(&nats.to_string())?;
            }
        }
        Ok(used)
    }
}

async fn metrics_of(server: &Server) -> Result<String, Error> {
    let mut stream = tokio::net::TcpStream::connect(server.http()).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.take(METRICS_BYTES_MAX).read_to_string(&mut text).await?;
    Ok(text)
}

/// The figure of a metric without labels; 0 before it was counted for the first time.
fn figure(metrics: &str, name: &str) -> f64 {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
    metrics.lines().find_map(value).unwrap_or(0.0)
}
