//! `skein bench history`: whether a store that has much more to remember is slower.

use std::{sync::Arc, time::Duration};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use tokio::time::Instant;

use super::{
    cluster::{Cluster, Plan},
    peer::Peer,
    report::{Report, progress, say},
    send::stage::{Bench, LATENCY_MAX_US, Pace},
    server::{Server, new_host_key},
    subject::Subject,
};
use crate::command::{Error, Outcome};

/// Sends kept open by everybody together: full batches, and far from what the store refuses.
const OPEN_MAX: usize = 2_048;
/// One step of filling; the progress is shown between them.
const STEP: Duration = Duration::from_secs(5);
/// The first steps tell how fast it goes: the last one is cut so that little too much is written.
const STEP_MIN: Duration = Duration::from_millis(200);
/// Messages of a page, as a chat window asks for them.
const PAGE: u32 = 50;
/// Nobody is cut off while others connect.
const HEARTBEAT_MS: u32 = 600_000;

/// Options of `skein bench history`.
#[derive(clap::Args)]
pub struct Args {
    /// Messages stored at the first measurement
    #[arg(long, default_value_t = 1_000_000)]
    few: u64,
    /// Messages stored at the second one
    #[arg(long, default_value_t = 10_000_000)]
    many: u64,
    /// People, in pairs that write to one another
    #[arg(long, default_value_t = 1_000)]
    users: usize,
    /// How long sending is measured, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// First pages of random conversations that are read, one at a time
    #[arg(long, default_value_t = 5_000)]
    pages: usize,
    /// PostgreSQL (and NATS) under one node instead of the embedded store
    #[arg(long)]
    postgres: bool,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What was seen with so many messages stored.
struct Measured {
    /// Messages when it began.
    stored: u64,
    per_second: f64,
    /// Processor time of a send, all parts together, in microseconds.
    send_cpu_us: f64,
    /// The same for a page.
    page_cpu_us: f64,
    page_us: Histogram<u64>,
    batch: f64,
}

impl Measured {
    fn shown(&self) -> Value {
        let round = |value: f64| (value * 10.0).round() / 10.0;
        json!({
            "stored": self.stored,
            "acked_per_second": round(self.per_second),
            "mean_batch": round(self.batch),
            "send_cpu_us": round(self.send_cpu_us),
            "page_cpu_us": round(self.page_cpu_us),
            "page_mean_us": round(self.page_us.mean()),
            "page_p50_us": self.page_us.value_at_quantile(0.5),
            "page_p99_us": self.page_us.value_at_quantile(0.99),
        })
    }
}

pub async fn run(args: Args) -> Outcome {
    let people = args.users.max(2).next_multiple_of(2);
    let subject = if args.postgres {
        let plan = Plan { nodes: 1, access_nodes: 0, proxies: false, heartbeat_ms: HEARTBEAT_MS };
        Subject::Cluster(Box::new(tokio::task::block_in_place(|| Cluster::start(plan, &[]))?))
    } else {
        Subject::Embedded(Box::new(Server::start_with(false, new_host_key(), Vec::new())?))
    };
    let mut run = Run::start(subject, people).await?;
    run.fill(args.few).await?;
    let few = run.measure(&args).await?;
    run.fill(args.many).await?;
    let many = run.measure(&args).await?;
    let mut report = Report::default();
    report.add("few", few.shown());
    report.add("many", many.shown());
    report.add_rounded("send_cost_ratio", many.send_cpu_us / few.send_cpu_us);
    report.add_rounded("page_mean_ratio", many.page_us.mean() / few.page_us.mean());
    report.add_rounded("page_p99_ratio", ratio(&many.page_us, &few.page_us, 0.99));
    report.add_rounded("page_cpu_ratio", many.page_cpu_us / few.page_cpu_us);
    report.add("conversations", people / 2);
    report.add("page_messages", PAGE);
    report.add("store", if args.postgres { "postgres" } else { "sqlite" });
    report.print(args.json);
    Ok(())
}

fn ratio(many: &Histogram<u64>, few: &Histogram<u64>, quantile: f64) -> f64 {
    many.value_at_quantile(quantile) as f64 / few.value_at_quantile(quantile).max(1) as f64
}

/// A subject with everybody connected to it.
struct Run {
    subject: Subject,
    bench: Bench,
    window: usize,
    stored: u64,
    /// The last stage's, messages per second.
    rate: f64,
}

impl Run {
    async fn start(subject: Subject, people: usize) -> Result<Self, Error> {
        let logins = subject.log_in(people).await?;
        let mut peers = Vec::with_capacity(people);
        for (index, login) in logins.iter().enumerate() {
            peers.push(Peer::connect(&subject.address(index)?, &subject.options(), login).await?);
            progress("connecting", index + 1, people);
        }
        let bench = Bench { server: None, people: Arc::new(logins), peers, stages: 0 };
        Ok(Self { subject, bench, window: (OPEN_MAX / people).max(1), stored: 0, rate: 0.0 })
    }

    /// Sends, as everybody does, until so many messages are stored.
    async fn fill(&mut self, target: u64) -> Result<(), Error> {
        while self.stored < target {
            let left = (target - self.stored) as f64;
            let step = if self.rate > 0.0 { Duration::from_secs_f64(left / self.rate) } else { STEP_MIN };
            self.send(step.clamp(STEP_MIN, STEP)).await?;
            progress("storing messages", self.stored.min(target) as usize, target as usize);
        }
        Ok(())
    }

    async fn send(&mut self, length: Duration) -> Result<u64, Error> {
        let stage = self.bench.stage(Pace::Window(self.window), length).await?;
        self.stored += stage.seen.acked;
        self.rate = stage.seen.acked_in_time as f64 / stage.seconds;
        Ok(stage.seen.acked)
    }

    async fn measure(&mut self, args: &Args) -> Result<Measured, Error> {
        say(&format!("measuring with {} messages", self.stored));
        let stored = self.stored;
        let before = self.subject.used().await?;
        let sent = self.send(Duration::from_secs(args.seconds.max(1))).await?;
        let between = self.subject.used().await?;
        let page_us = self.read_pages(args.pages.max(1)).await?;
        let after = self.subject.used().await?;
        let us = |used: Duration, count: f64| used.as_secs_f64() * 1e6 / count.max(1.0);
        Ok(Measured {
            stored,
            per_second: self.rate,
            send_cpu_us: us(between.total().saturating_sub(before.total()), sent as f64),
            page_cpu_us: us(after.total().saturating_sub(between.total()), page_us.len() as f64),
            page_us,
            batch: (between.writes - before.writes) / (between.batches - before.batches).max(1.0),
        })
    }

    /// The newest page of random conversations, asked for by one of the two.
    async fn read_pages(&mut self, count: usize) -> Result<Histogram<u64>, Error> {
        let mut histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?;
        for _ in 0..count {
            let at = fastrand::usize(..self.bench.peers.len());
            let id = |at: usize| UserId(self.bench.people[at].user.user_id);
            let request = v1::ListHistoryRequest {
                conversation_id: ConversationId::direct(id(at), id(at ^ 1)).to_string(),
                limit: PAGE,
                ..Default::default()
            };
            let start = Instant::now();
            let _: v1::ListHistoryResponse = self.bench.peers[at].call("SyncService/ListHistory", &request).await?;
            histogram.saturating_record(start.elapsed().as_micros() as u64);
        }
        Ok(histogram)
    }
}
