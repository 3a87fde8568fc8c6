//! The same load on a server with the embedded store, on one node with PostgreSQL, and on several: what a message costs, part by part.
//!
//! Everybody keeps so many sends open that all batches are full, so that the batches are of one size and the costs compare.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::stage::{Bench, Pace};
use crate::command::{
    Error, Outcome,
    bench::{
        cluster::{Cluster, Plan},
        peer::Peer,
        report::{Report, say},
        server::{Server, new_host_key},
        subject::{Subject, Used},
    },
};

/// Sends that each connection keeps open.
const WINDOW: usize = 64;
/// Before it is measured: caches fill, PostgreSQL plans.
const WARM_UP: Duration = Duration::from_secs(4);
/// Nobody is cut off while others connect.
const HEARTBEAT_MS: u32 = 600_000;

/// What one subject did, in one round or in all of them.
#[derive(Clone, Default)]
struct Measured {
    acked: u64,
    acked_in_time: u64,
    seconds: f64,
    used: Used,
    undelivered: u64,
}

/// A subject with everybody connected to it.
struct Contender {
    subject: Subject,
    bench: Bench,
    all: Measured,
    /// Processor time of a message in each round, in microseconds.
    rounds_us: Vec<f64>,
}

/// Measures the three by turns, so that what else the machine does meets all of them.
pub async fn run(nodes: usize, people: usize, length: Duration, batch: usize, rounds: usize, json: bool) -> Outcome {
    say("starting the embedded store");
    let sqlite = vec![("SKEIN__SQLITE__BATCH_MAX", batch.to_string())];
    let embedded = Subject::Embedded(Box::new(Server::start_with(false, new_host_key(), sqlite)?));
    let mut contenders = vec![Contender::connect(embedded, people).await?];
    for count in [1, nodes.max(1)] {
        say(&format!("starting PostgreSQL with {count} node(s)"));
        let plan = Plan { nodes: count, access_nodes: 0, proxies: false, heartbeat_ms: HEARTBEAT_MS };
        let variables = [("SKEIN__STORE__POSTGRES__BATCH_MAX", batch.to_string())];
        let cluster = tokio::task::block_in_place(|| Cluster::start(plan, &variables))?;
        contenders.push(Contender::connect(Subject::Cluster(Box::new(cluster)), people).await?);
    }
    for round in 1..=rounds.max(1) {
        say(&format!("round {round} of {}", rounds.max(1)));
        for contender in &mut contenders {
            contender.measure(length).await?;
        }
    }
    let [embedded, one, cluster] = &contenders[..] else { return Err("three are compared".into()) };
    let mut report = Report::default();
    report.add("sqlite", embedded.all.shown());
    report.add("postgres_1_node", one.all.shown());
    report.add("postgres_cluster", cluster.all.shown());
    report.add("nodes", nodes.max(1));
    report.add_rounded("cost_1_node_over_sqlite", one.all.total_us() / embedded.all.total_us());
    report.add_rounded("cost_cluster_over_sqlite", cluster.all.total_us() / embedded.all.total_us());
    report.add("cost_cluster_over_sqlite_by_round", cluster.over(embedded));
    report.add_rounded("rate_cluster_over_1_node", cluster.all.per_second() / one.all.per_second());
    report.add_rounded("rate_cluster_over_sqlite", cluster.all.per_second() / embedded.all.per_second());
    report.add("connections", people);
    report.add("batch_max", batch);
    report.print(json);
    Ok(())
}

impl Contender {
    /// Connects everybody, and warms up.
    async fn connect(subject: Subject, people: usize) -> Result<Self, Error> {
        let logins = subject.log_in(people).await?;
        let mut peers = Vec::with_capacity(people);
        for (index, login) in logins.iter().enumerate() {
            peers.push(Peer::connect(&subject.address(index)?, &subject.options(), login).await?);
        }
        let mut bench = Bench { server: None, people: Arc::new(logins), peers, stages: 0 };
        bench.stage(Pace::Window(WINDOW), WARM_UP).await?;
        Ok(Self { subject, bench, all: Measured::default(), rounds_us: Vec::new() })
    }

    async fn measure(&mut self, length: Duration) -> Outcome {
        let before = self.subject.used().await?;
        let stage = self.bench.stage(Pace::Window(WINDOW), length).await?;
        let round = Measured {
            acked: stage.seen.acked,
            acked_in_time: stage.seen.acked_in_time,
            seconds: stage.seconds,
            used: self.subject.used().await?.since(&before),
            undelivered: stage.seen.scheduled - stage.seen.delivered.min(stage.seen.scheduled),
        };
        self.rounds_us.push(round.total_us());
        self.all.add(&round);
        Ok(())
    }

    /// How much more than the other it took, round by round.
    fn over(&self, other: &Self) -> Vec<f64> {
        let ratios = self.rounds_us.iter().zip(&other.rounds_us).map(|(own, other)| own / other);
        ratios.map(|ratio| (ratio * 100.0).round() / 100.0).collect()
    }
}

impl Measured {
    fn add(&mut self, other: &Self) {
        self.acked += other.acked;
        self.acked_in_time += other.acked_in_time;
        self.seconds += other.seconds;
        self.used.add(&other.used);
        self.undelivered += other.undelivered;
    }

    fn per_second(&self) -> f64 {
        self.acked_in_time as f64 / self.seconds
    }

    /// Of one message, in microseconds.
    fn us(&self, used: Duration) -> f64 {
        used.as_secs_f64() * 1e6 / self.acked.max(1) as f64
    }

    /// Processor time of a message, of all parts together, in microseconds.
    fn total_us(&self) -> f64 {
        self.us(self.used.total())
    }

    fn shown(&self) -> Value {
        let round = |value: f64| (value * 10.0).round() / 10.0;
        json!({
            "acked_per_second": round(self.per_second()),
            "skein_cpu_us": round(self.us(self.used.skein)),
            "postgres_cpu_us": round(self.us(self.used.postgres)),
            "nats_cpu_us": round(self.us(self.used.nats)),
            "total_cpu_us": round(self.total_us()),
            "mean_batch": round(self.used.writes / self.used.batches.max(1.0)),
            "undelivered": self.undelivered,
        })
    }
}
