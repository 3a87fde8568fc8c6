//! `skein bench send`: how many messages, how fast, on an open-loop schedule.

use std::{
    collections::HashMap,
    fs::File,
    io::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use skein_client::{Address, ConnectOptions, account::Login};
use tokio::task::JoinSet;

use super::{
    peer::{Heard, Peer, text_of},
    people,
    report::{Report, say},
    server::{Server, cpu_of},
};
use crate::command::Outcome;

use crate::command::Error;

/// How often a connection looks at its schedule.
const TICK: Duration = Duration::from_millis(1);
/// How long answers are waited for after the last message of a stage.
const DRAIN: Duration = Duration::from_secs(10);
/// A stage holds when this part of what was scheduled was acked and delivered by the end of the schedule.
const HOLDS: f64 = 0.98;
/// Rates tried downwards from the estimate.
const ATTEMPTS: usize = 8;
/// Requests that a connection of the estimate keeps open.
const WINDOW: usize = 64;
/// Above what any machine can do; keeps intervals above zero.
const RATE_MAX: f64 = 1e7;
/// Longest latency that is told apart, in microseconds.
const LATENCY_MAX_US: u64 = 60_000_000;

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
    /// Encrypted connections
    #[arg(long)]
    tls: bool,
    /// Raw TCP instead of WebSocket
    #[arg(long)]
    tcp: bool,
    /// A server that runs already, such as https://host:port or tcp://host:port; its own CPU time and disk are not measured then
    #[arg(long, requires = "host_key", conflicts_with_all = ["tls", "tcp"])]
    server: Option<Address>,
    /// The key with which that server lets a host application log people in
    #[arg(long, env = "SKEIN__SERVICE__HOST_KEY", hide_env_values = true)]
    host_key: Option<String>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What a stage saw.
struct Seen {
    scheduled: u64,
    acked_in_time: u64,
    delivered_in_time: u64,
    acked: u64,
    delivered: u64,
    lagged: u64,
    ack_us: Histogram<u64>,
    deliver_us: Histogram<u64>,
}

impl Seen {
    fn new() -> Result<Self, Error> {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_MAX_US, 3);
        Ok(Self {
            scheduled: 0,
            acked_in_time: 0,
            delivered_in_time: 0,
            acked: 0,
            delivered: 0,
            lagged: 0,
            ack_us: histogram()?,
            deliver_us: histogram()?,
        })
    }

    fn add(&mut self, other: &Self) -> Result<(), Error> {
        self.scheduled += other.scheduled;
        self.acked_in_time += other.acked_in_time;
        self.delivered_in_time += other.delivered_in_time;
        self.acked += other.acked;
        self.delivered += other.delivered;
        self.lagged += other.lagged;
        self.ack_us.add(&other.ack_us)?;
        self.deliver_us.add(&other.deliver_us)?;
        Ok(())
    }

    fn holds(&self) -> bool {
        self.acked_in_time.min(self.delivered_in_time) as f64 >= HOLDS * self.scheduled as f64
    }
}

/// A stage with what it cost.
struct Stage {
    seen: Seen,
    seconds: f64,
    /// Of an own server only.
    server_cpu: Option<Duration>,
    generator_cpu: Duration,
}

/// How a stage makes messages.
#[derive(Clone, Copy)]
enum Pace {
    /// Due at fixed times, per connection.
    Every(Duration),
    /// As fast as they are answered.
    Window(usize),
}

pub async fn run(args: Args) -> Outcome {
    let count = args.users.max(2).next_multiple_of(2);
    let (server, people, address, options) = match &args.server {
        None => {
            let server = Server::start(args.tls)?;
            let (people, address, options) = (server.log_in(count).await?, server.address(args.tcp)?, server.options());
            (Some(server), people, address, options)
        }
        Some(address) => {
            let options = ConnectOptions::default();
            let key = args.host_key.as_deref().unwrap_or_default();
            (None, people::log_in(address, &options, key, count).await?, address.clone(), options)
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

fn interval(rate: f64, connections: usize) -> Duration {
    Duration::from_secs_f64(connections as f64 / rate.clamp(1.0, RATE_MAX))
}

struct Bench {
    server: Option<Server>,
    people: Arc<Vec<Login>>,
    peers: Vec<Peer>,
    /// Stages so far; late messages of an earlier one are told apart by it.
    stages: usize,
}

impl Bench {
    async fn find_peak(&mut self, count: usize, length: Duration) -> Result<Stage, crate::command::Error> {
        say("estimating with a closed loop");
        let estimate = self.stage(Pace::Window(WINDOW), Duration::from_secs(4)).await?;
        let mut rate = estimate.seen.acked_in_time as f64 / estimate.seconds;
        for attempt in 1..=ATTEMPTS {
            say(&format!("trying {rate:.0} messages per second"));
            let stage = self.stage(Pace::Every(interval(rate, count)), length).await?;
            if stage.seen.holds() || attempt == ATTEMPTS {
                return Ok(stage);
            }
            rate *= 0.85;
        }
        Err("no rate holds".into())
    }

    fn server_cpu(&self) -> Result<Option<Duration>, Error> {
        self.server.as_ref().map(Server::cpu).transpose()
    }

    /// Runs one stage on all connections.
    async fn stage(&mut self, pace: Pace, length: Duration) -> Result<Stage, crate::command::Error> {
        let (server_cpu, generator_cpu) = (self.server_cpu()?, cpu_of("self")?);
        let start = Instant::now() + Duration::from_millis(50);
        self.stages += 1;
        let mut tasks = JoinSet::new();
        let made: Vec<Arc<Made>> = self.people.iter().map(|_| Arc::default()).collect();
        for (index, mut peer) in self.peers.drain(..).enumerate() {
            let to = self.people[index ^ 1].user.user_id;
            // Spread over one interval, so that connections do not beat together.
            let offset = match pace {
                Pace::Every(interval) => interval.mul_f64(index as f64 / self.people.len() as f64),
                Pace::Window(_) => Duration::ZERO,
            };
            peer.lagging = false;
            let runner = Runner {
                peer,
                to,
                made: made[index].clone(),
                partner: made[index ^ 1].clone(),
                start,
                next: start + offset,
                end: start + length,
                pace,
                stage: self.stages,
                open: HashMap::new(),
                seen: Seen::new()?,
            };
            tasks.spawn(async move { (index, runner.run().await) });
        }
        let mut seen = Seen::new()?;
        let mut back: Vec<Option<Peer>> = (0..self.people.len()).map(|_| None).collect();
        while let Some(done) = tasks.join_next().await {
            let (index, result) = done?;
            let (peer, part) = result.map_err(|error| error.to_string())?;
            seen.add(&part)?;
            back[index] = Some(peer);
        }
        self.peers = back.into_iter().flatten().collect();
        Ok(Stage {
            seen,
            seconds: length.as_secs_f64(),
            server_cpu: self.server_cpu()?.zip(server_cpu).map(|(now, before)| now.saturating_sub(before)),
            generator_cpu: cpu_of("self")?.saturating_sub(generator_cpu),
        })
    }
}

/// How many messages a connection has made in a stage.
#[derive(Default)]
struct Made {
    count: AtomicU64,
    /// No more will come.
    finished: AtomicBool,
}

/// One connection during one stage.
struct Runner {
    peer: Peer,
    to: u64,
    /// What this connection makes, and what its partner does.
    made: Arc<Made>,
    partner: Arc<Made>,
    start: Instant,
    next: Instant,
    end: Instant,
    pace: Pace,
    stage: usize,
    open: HashMap<u32, Instant>,
    seen: Seen,
}

impl Runner {
    /// Runs until everything is answered, and everything that the partner made is delivered, or the patience is over.
    async fn run(mut self) -> Result<(Peer, Seen), Error> {
        let mut heard = Vec::new();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let now = Instant::now();
            self.make_due(now)?;
            self.peer.flush().await?;
            // What was dropped on the way will never come; it is counted as undelivered.
            let finished = self.made.finished.load(Ordering::Acquire) && self.partner.finished.load(Ordering::Acquire);
            let delivered = self.peer.lagging || self.seen.delivered >= self.partner.count.load(Ordering::Acquire);
            if finished && self.open.is_empty() && delivered || now > self.end + DRAIN {
                self.seen.lagged += u64::from(self.peer.lagging);
                self.peer.acknowledge()?;
                self.peer.flush().await?;
                return Ok((self.peer, self.seen));
            }
            tokio::select! {
                result = self.peer.hear(&mut heard) => result?,
                _ = ticks.tick() => {}
            }
            let got_messages = heard.iter().any(|heard| matches!(heard, Heard::Message(_)));
            self.take(&mut heard)?;
            if got_messages {
                self.peer.acknowledge()?;
            }
        }
    }

    fn make_due(&mut self, now: Instant) -> Result<(), Error> {
        match self.pace {
            Pace::Every(interval) => {
                while self.next <= now && self.next < self.end {
                    let due = self.next;
                    self.make(due)?;
                    self.next += interval;
                }
                self.made.finished.store(self.next >= self.end, Ordering::Release);
            }
            Pace::Window(window) => {
                while now >= self.start && now < self.end && self.open.len() < window {
                    self.make(now)?;
                }
                self.made.finished.store(now >= self.end, Ordering::Release);
            }
        }
        Ok(())
    }

    fn make(&mut self, due: Instant) -> Result<(), Error> {
        // The text says when it was due, for the receiver, who runs in this process.
        let stamp = due.saturating_duration_since(self.start).as_micros();
        let stage = self.stage;
        let id =
            self.peer.send(self.to, format!("{stage} {stamp} - the quick brown fox jumps over the lazy dog, again"))?;
        self.open.insert(id, due);
        self.seen.scheduled += 1;
        self.made.count.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn take(&mut self, heard: &mut Vec<Heard>) -> Result<(), Error> {
        let now = Instant::now();
        let in_time = u64::from(now <= self.end);
        for heard in heard.drain(..) {
            match heard {
                Heard::Answer(id, result) => {
                    result?;
                    if let Some(due) = self.open.remove(&id) {
                        self.seen.acked += 1;
                        self.seen.acked_in_time += in_time;
                        self.seen.ack_us.saturating_record(micros(now, due));
                    }
                }
                Heard::Message(message) => {
                    let mut numbers = text_of(&message).split(' ').map_while(|word| word.parse::<u64>().ok());
                    let (Some(stage), Some(stamp)) = (numbers.next(), numbers.next()) else {
                        return Err("a strange message".into());
                    };
                    if stage != self.stage as u64 {
                        continue;
                    }
                    let due = self.start + Duration::from_micros(stamp);
                    self.seen.delivered += 1;
                    self.seen.delivered_in_time += in_time;
                    self.seen.deliver_us.saturating_record(micros(now, due));
                }
            }
        }
        Ok(())
    }
}

fn micros(now: Instant, due: Instant) -> u64 {
    now.saturating_duration_since(due).as_micros() as u64
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
    let over_tcp = matches!(address.to_string().split(':').next(), Some("tcp" | "tls"));
    report.add("transport", if over_tcp { "tcp" } else { "websocket" });
    report.add("tls", address.tls);
    report
}
