//! One stage of a measurement: people in pairs write to one another, on a schedule or as fast as they are answered.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use skein_client::account::Login;
use tokio::task::JoinSet;

use crate::command::{
    Error,
    bench::{
        peer::{Heard, Peer, text_of},
        report::say,
        server::{Server, cpu_of},
    },
};

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
pub const LATENCY_MAX_US: u64 = 60_000_000;

/// What a stage saw.
pub struct Seen {
    pub scheduled: u64,
    pub acked_in_time: u64,
    pub delivered_in_time: u64,
    pub acked: u64,
    pub delivered: u64,
    pub lagged: u64,
    pub ack_us: Histogram<u64>,
    pub deliver_us: Histogram<u64>,
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

    /// Whether nearly all of what was scheduled was done in time.
    pub fn holds(&self) -> bool {
        self.acked_in_time.min(self.delivered_in_time) as f64 >= HOLDS * self.scheduled as f64
    }
}

/// A stage with what it cost.
pub struct Stage {
    pub seen: Seen,
    pub seconds: f64,
    /// Of an own server only.
    pub server_cpu: Option<Duration>,
    pub generator_cpu: Duration,
}

/// How a stage makes messages.
#[derive(Clone, Copy)]
pub enum Pace {
    /// Due at fixed times, per connection.
    Every(Duration),
    /// As fast as they are answered.
    Window(usize),
}

/// Between two messages of one of so many connections.
pub fn interval(rate: f64, connections: usize) -> Duration {
    Duration::from_secs_f64(connections as f64 / rate.clamp(1.0, RATE_MAX))
}

/// People with their connections.
pub struct Bench {
    pub server: Option<Server>,
    pub people: Arc<Vec<Login>>,
    pub peers: Vec<Peer>,
    /// Stages so far; late messages of an earlier one are told apart by it.
    pub stages: usize,
}

impl Bench {
    /// The highest rate that holds.
    pub async fn find_peak(&mut self, count: usize, length: Duration) -> Result<Stage, Error> {
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
    pub async fn stage(&mut self, pace: Pace, length: Duration) -> Result<Stage, Error> {
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
            self.peer.write_now().await;
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
