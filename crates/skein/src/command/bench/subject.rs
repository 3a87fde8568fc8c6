//! What a measurement looks at: one server with the embedded store, or a cluster; and what its parts have used.

use std::time::Duration;

use skein_client::{Address, ConnectOptions, account::Login};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    cluster::Cluster,
    server::{Server, cpu_of, cpu_with_ended_children},
};
use crate::command::Error;

/// Longest text of metrics that is read, in bytes.
const METRICS_BYTES_MAX: u64 = 1 << 20;

/// What is measured.
pub enum Subject {
    Embedded(Box<Server>),
    Cluster(Box<Cluster>),
}

/// What it has used so far.
#[derive(Clone, Copy, Default)]
pub struct Used {
    /// Processor time of all nodes.
    pub skein: Duration,
    pub postgres: Duration,
    pub nats: Duration,
    /// Transactions that wrote.
    pub batches: f64,
    /// Writes in them.
    pub writes: f64,
}

impl Used {
    /// What came since an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            skein: self.skein.saturating_sub(before.skein),
            postgres: self.postgres.saturating_sub(before.postgres),
            nats: self.nats.saturating_sub(before.nats),
            batches: self.batches - before.batches,
            writes: self.writes - before.writes,
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.skein += other.skein;
        self.postgres += other.postgres;
        self.nats += other.nats;
        self.batches += other.batches;
        self.writes += other.writes;
    }

    /// Processor time of all parts.
    pub fn total(&self) -> Duration {
        self.skein + self.postgres + self.nats
    }
}

impl Subject {
    /// Logs this many people in.
    pub async fn log_in(&self, count: usize) -> Result<Vec<Login>, Error> {
        match self {
            Self::Embedded(server) => server.log_in(count).await,
            Self::Cluster(cluster) => cluster.log_in(count).await,
        }
    }

    /// Neighbours, who write to one another, are on different nodes.
    pub fn address(&self, person: usize) -> Result<Address, Error> {
        match self {
            Self::Embedded(server) => server.address(false),
            Self::Cluster(cluster) => cluster.address(person, false),
        }
    }

    /// How clients connect.
    pub fn options(&self) -> ConnectOptions {
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

    /// What all parts have used so far.
    pub async fn used(&self) -> Result<Used, Error> {
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
