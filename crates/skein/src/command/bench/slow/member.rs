//! A member of a group who reads, or does not for a while, and in the end knows what it missed.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use skein_client::{Address, ConnectOptions, account::Login};
use skein_proto::v1;
use tokio::sync::watch;

use crate::command::{
    Error,
    bench::{
        peer::{Heard, Peer, text_of},
        send::stage::LATENCY_MAX_US,
    },
};

/// How long what is still on its way may take in the end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Before somebody who was cut off comes back.
const RECONNECT: Duration = Duration::from_millis(200);
/// Messages of one page of a pull.
const PAGE: u32 = 100;

/// What everybody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Everybody reads; nothing is counted.
    WarmUp,
    /// Everybody reads.
    Calm,
    /// The stalled ones do not read.
    Stalled,
    /// Everybody reads again, until nothing is missing.
    Return,
}

/// What everybody shares.
pub struct World {
    pub address: Address,
    pub options: ConnectOptions,
    pub start: Instant,
    pub calm: Mutex<Histogram<u64>>,
    pub stalled: Mutex<Histogram<u64>>,
    /// Connections that the server closed.
    pub closed: AtomicU64,
    /// Members that were told, by a lagging push or by a close, that they have to pull.
    pub told: AtomicU64,
}

/// A group: its messages are numbered from 0.
pub struct Group {
    pub conversation: String,
    /// Acked so far.
    pub sent: AtomicU64,
}

/// One member.
pub struct Member {
    pub world: Arc<World>,
    pub group: Arc<Group>,
    pub login: Login,
    pub peer: Peer,
    pub stalls: bool,
    /// Numbers of messages that came.
    pub seen: HashSet<u64>,
    /// Pushes may be missing.
    pub told: bool,
}

impl World {
    /// Nobody has said anything.
    pub fn new(address: Address, options: ConnectOptions) -> Result<Self, Error> {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_MAX_US, 3);
        Ok(Self {
            address,
            options,
            start: Instant::now(),
            calm: Mutex::new(histogram()?),
            stalled: Mutex::new(histogram()?),
            closed: AtomicU64::new(0),
            told: AtomicU64::new(0),
        })
    }
}

impl Member {
    /// Until the end; how many messages never came.
    pub async fn run(mut self, mut phase: watch::Receiver<Phase>) -> Result<u64, Error> {
        let mut heard = Vec::new();
        loop {
            let now = *phase.borrow_and_update();
            if now == Phase::Return {
                break;
            }
            if now == Phase::Stalled && self.stalls {
                phase.changed().await?;
                continue;
            }
            tokio::select! {
                outcome = self.peer.hear(&mut heard) => if outcome.is_err() || self.take(&mut heard, now).await.is_err() {
                    self.come_back().await?;
                },
                changed = phase.changed() => changed?,
            }
        }
        let end = Instant::now() + PATIENCE;
        while self.missing() > 0 && Instant::now() < end {
            if self.told || self.peer.lagging {
                self.told = true;
                if self.pull().await.is_err() {
                    self.come_back().await?;
                }
                continue;
            }
            match tokio::time::timeout(RECONNECT, self.peer.hear(&mut heard)).await {
                Ok(Ok(())) if self.take(&mut heard, Phase::Return).await.is_ok() => {}
                Ok(_) => self.come_back().await?,
                Err(_) => {}
            }
        }
        self.world.told.fetch_add(u64::from(self.told), Ordering::Relaxed);
        Ok(self.missing())
    }

    fn missing(&self) -> u64 {
        self.group.sent.load(Ordering::Acquire).saturating_sub(self.seen.len() as u64)
    }

    /// Keeps the books, and acks.
    async fn take(&mut self, heard: &mut Vec<Heard>, phase: Phase) -> Result<(), Error> {
        let now = self.world.start.elapsed().as_micros() as u64;
        for heard in heard.drain(..) {
            let Heard::Message(message) = heard else { continue };
            let Some((number, due)) = numbers(&message) else { continue };
            if !self.seen.insert(number) || self.stalls {
                continue;
            }
            let histogram = match phase {
                Phase::Calm => &self.world.calm,
                Phase::Stalled => &self.world.stalled,
                Phase::WarmUp | Phase::Return => continue,
            };
            let mut histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
            histogram.saturating_record(now.saturating_sub(due));
        }
        self.told |= self.peer.lagging;
        self.peer.acknowledge()?;
        self.peer.flush().await
    }

    /// Connects again, on a fresh session: what came meanwhile has to be pulled.
    async fn come_back(&mut self) -> Result<(), Error> {
        self.world.closed.fetch_add(1, Ordering::Relaxed);
        self.told = true;
        let end = Instant::now() + PATIENCE;
        loop {
            tokio::time::sleep(RECONNECT.mul_f64(fastrand::f64())).await;
            match Peer::connect(&self.world.address, &self.world.options, &self.login).await {
                Ok(peer) => {
                    self.peer = peer;
                    return Ok(());
                }
                Err(error) if Instant::now() > end => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Everything that the group has.
    async fn pull(&mut self) -> Result<(), Error> {
        let mut since_version = 0;
        loop {
            let request = v1::PullConversationRequest {
                conversation_id: self.group.conversation.clone(),
                since_version,
                limit: PAGE,
                ..Default::default()
            };
            let page: v1::PullConversationResponse = self.peer.call("SyncService/PullConversation", &request).await?;
            self.seen.extend(page.messages.iter().filter_map(numbers).map(|(number, _)| number));
            since_version = page.version;
            if !page.has_more {
                return Ok(());
            }
        }
    }
}

/// The number of a message, and when it was due.
fn numbers(message: &v1::Message) -> Option<(u64, u64)> {
    let mut words = text_of(message).split(' ').map_while(|word| word.parse::<u64>().ok());
    words.next().zip(words.next())
}
