//! The loop of one endpoint: claim lanes, deliver their events in order, settle.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::Uri;
use sha2::{Digest as _, Sha256};
use skein_proto::outbox::{KindSet, timestamp};
use skein_store::{
    Result, Store, StoreError,
    outbox::{ClaimLanes, Claimed, ClaimedLane, OutboxEvent, SettleLane, Undelivered},
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    measure,
    request::{Answer, Delivery, Http},
    schedule::Schedule,
    sign::Signer,
};

/// Events of one lane that are delivered under one lease, unless the endpoint takes larger batches.
const LANE_EVENTS_MAX: u32 = 8;
/// Time that a lease has beside the deliveries.
const LEASE_SPARE_MS: u64 = 30_000;
/// Failures in a row after which an endpoint counts as down: then new lanes only probe it, so that not everybody ends up waiting for a retry.
const FAILURES_DOWN: u32 = 16;
/// How often an endpoint that is down is probed with a new lane.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the worker sleeps when it cannot know what to wait for.
const PAUSE: Duration = Duration::from_secs(1);
/// How long deliveries may go on when the server stops.
const STOP_MAX: Duration = Duration::from_secs(3);
/// Attempts to store an outcome while the store is overloaded; then the lease runs out, and the delivery is repeated.
const SETTLE_ATTEMPTS: u32 = 5;

/// An endpoint whose configuration is good.
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) url: Uri,
    pub(crate) signer: Signer,
    pub(crate) kinds: KindSet,
    pub(crate) batch_max: u32,
    pub(crate) concurrency: u32,
}

/// What the deliveries of one endpoint share.
pub(crate) struct Worker {
    pub(crate) endpoint: Endpoint,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) http: Http,
    pub(crate) schedule: Schedule,
    pub(crate) timeout: Duration,
    /// Names this life of the worker.
    pub(crate) holder: String,
    pub(crate) stop: CancellationToken,
}

/// How deliveries went of late.
struct Health {
    /// Failures since the last success.
    failures: u32,
    /// When an endpoint that is down is probed next.
    probe: Instant,
}

impl Health {
    /// New lanes that may be taken up, given this much room.
    fn fresh_max(&mut self, room: u32) -> u32 {
        if self.failures < FAILURES_DOWN {
            return room;
        }
        if self.probe > Instant::now() {
            return 0;
        }
        self.probe = Instant::now() + PROBE_INTERVAL;
        1
    }
}

impl Worker {
    /// Runs until it is stopped.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut running = JoinSet::new();
        let mut health = Health { failures: 0, probe: Instant::now() };
        let room_min = (self.endpoint.concurrency as usize).div_ceil(4);
        while !self.stop.is_cancelled() {
            let room = (self.endpoint.concurrency as usize).saturating_sub(running.len());
            let mut claimed = None;
            if room >= room_min {
                claimed = self.claim(room as u32, &mut health).await;
                for lanes in claimed.iter_mut().flat_map(|claimed| self.parcels(std::mem::take(&mut claimed.lanes))) {
                    let worker = self.clone();
                    running.spawn(async move { worker.carry(lanes).await });
                }
            }
            tokio::select! {
                Some(taken) = running.join_next() => {
                    note(&mut health, taken);
                    while let Some(taken) = running.try_join_next() {
                        note(&mut health, taken);
                    }
                }
                () = self.wait(claimed), if room >= room_min => {}
                () = self.stop.cancelled() => {}
            }
        }
        let finish = async { while running.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_MAX, finish).await;
    }

    async fn claim(&self, room: u32, health: &mut Health) -> Option<Claimed> {
        let events_max = if self.endpoint.batch_max > 1 { self.endpoint.batch_max } else { LANE_EVENTS_MAX };
        let now_ms = clock_ms();
        let claim = ClaimLanes {
            consumer: self.endpoint.name.clone(),
            kinds: self.endpoint.kinds,
            holder: self.holder.clone(),
            lanes_max: room.saturating_mul(self.endpoint.batch_max),
            fresh_max: health.fresh_max(room.saturating_mul(self.endpoint.batch_max)),
            events_max,
            now_ms,
            until_ms: now_ms + self.lease_ms(events_max),
        };
        match self.store.claim_lanes(claim).await {
            Ok(claimed) => Some(claimed),
            Err(error) => {
                tracing::warn!(webhook = self.endpoint.name, %error, "cannot claim events");
                None
            }
        }
    }

    fn lease_ms(&self, events_max: u32) -> u64 {
        self.timeout.as_millis() as u64 * u64::from(events_max.min(LANE_EVENTS_MAX)) + LEASE_SPARE_MS
    }

    /// Waits for something to claim.
    async fn wait(&self, claimed: Option<Claimed>) {
        let Some(claimed) = claimed else { return tokio::time::sleep(PAUSE).await };
        let until_due = claimed.next_due_ms.map(|due_ms| Duration::from_millis(due_ms.saturating_sub(clock_ms())));
        if !claimed.caught_up {
            return tokio::time::sleep(until_due.unwrap_or(PAUSE).min(PAUSE)).await;
        }
        tokio::select! {
            () = self.store.wait_for_events(claimed.cursor) => {}
            () = async { match until_due {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            } } => {}
        }
    }

    /// Lanes that go together: one by one, or as many as fit into a batch. What has failed goes alone, so that it spoils no batch.
    fn parcels(&self, lanes: Vec<ClaimedLane>) -> Vec<Vec<ClaimedLane>> {
        let (mut parcels, mut open, mut size) = (Vec::new(), Vec::new(), 0);
        for lane in lanes {
            if self.endpoint.batch_max <= 1 || lane.attempts > 0 {
                parcels.push(vec![lane]);
                continue;
            }
            if size + lane.events.len() > self.endpoint.batch_max as usize && !open.is_empty() {
                parcels.push(std::mem::take(&mut open));
                size = 0;
            }
            size += lane.events.len();
            open.push(lane);
        }
        if !open.is_empty() {
            parcels.push(open);
        }
        parcels
    }

    /// Delivers a parcel and settles its lanes; whether the endpoint took it.
    async fn carry(&self, mut lanes: Vec<ClaimedLane>) -> bool {
        let batched = self.endpoint.batch_max > 1 && lanes.iter().all(|lane| lane.attempts == 0);
        if !batched {
            return match lanes.pop() {
                Some(lane) => self.carry_lane(lane).await,
                None => true,
            };
        }
        let events: Vec<&OutboxEvent> = lanes.iter().flat_map(|lane| &lane.events).collect();
        let answer = self.deliver(&events).await;
        let taken = answer == Answer::Taken;
        for lane in &lanes {
            let (first, last) = (lane.events.first(), lane.events.last());
            let delivered = last.filter(|_| taken).map_or(0, |event| event.position);
            let then = match first {
                Some(event) => self.verdict(&answer, event, 0),
                None => Undelivered::None,
            };
            self.settle(lane, delivered, then).await;
        }
        self.notice(&answer).await;
        taken
    }

    /// Delivers the events of a lane one after the other, up to the first that fails.
    async fn carry_lane(&self, lane: ClaimedLane) -> bool {
        let begin = Instant::now();
        let lease = Duration::from_millis(self.lease_ms(lane.events.len() as u32));
        let (mut delivered, mut then) = (0, Undelivered::None);
        let mut answer = Answer::Taken;
        for (at, event) in lane.events.iter().enumerate() {
            if self.stop.is_cancelled() || (at > 0 && begin.elapsed() + self.timeout > lease) {
                break;
            }
            answer = self.deliver(&[event]).await;
            if answer != Answer::Taken {
                then = self.verdict(&answer, event, if at == 0 { lane.attempts } else { 0 });
                break;
            }
            delivered = event.position;
        }
        self.settle(&lane, delivered, then).await;
        self.notice(&answer).await;
        answer == Answer::Taken
    }

    async fn deliver(&self, events: &[&OutboxEvent]) -> Answer {
        let now_ms = clock_ms();
        let (id, body) = match events {
            [event] if self.endpoint.batch_max <= 1 => (event.id(), event.payload()),
            _ => batch(events, now_ms),
        };
        let timestamp_s = now_ms / 1_000;
        let signature = self.endpoint.signer.sign(&id, timestamp_s, &body);
        let delivery = Delivery { url: &self.endpoint.url, id: &id, timestamp_s, signature: &signature, body };
        let begin = Instant::now();
        let answer = self.http.deliver(delivery).await;
        measure::attempt(&self.endpoint.name, events.len(), &answer, begin.elapsed());
        answer
    }

    /// What becomes of an event that was answered like this, after so many failures before.
    fn verdict(&self, answer: &Answer, event: &OutboxEvent, failures: u32) -> Undelivered {
        let Answer::Failed { error, asked_ms } = answer else { return Undelivered::None };
        let (webhook, id, now_ms) = (self.endpoint.name.as_str(), event.id(), clock_ms());
        let (position, error) = (event.position, error.clone());
        match self.schedule.next(failures + 1, now_ms, *asked_ms) {
            Some(at_ms) => {
                let pause_ms = at_ms - now_ms;
                tracing::warn!(webhook, id, error, attempts = failures + 1, pause_ms, "a delivery failed");
                Undelivered::Retry { position, at_ms, error }
            }
            None => {
                tracing::error!(webhook, id, error, attempts = failures + 1, "a delivery was given up; it is listed");
                measure::dead(webhook);
                Undelivered::Dead { position, error, now_ms }
            }
        }
    }

    /// An endpoint that is gone is switched off.
    async fn notice(&self, answer: &Answer) {
        if *answer != Answer::Gone {
            return;
        }
        tracing::error!(webhook = self.endpoint.name, "answered 410: it is switched off until AdminService/SetWebhook");
        if let Err(error) = self.store.set_consumer_enabled(&self.endpoint.name, false, "answered 410").await {
            tracing::warn!(webhook = self.endpoint.name, %error, "cannot switch it off");
        }
    }

    async fn settle(&self, lane: &ClaimedLane, delivered: u64, then: Undelivered) {
        let settlement = SettleLane {
            consumer: self.endpoint.name.clone(),
            holder: self.holder.clone(),
            lane: lane.lane,
            delivered,
            then,
        };
        for attempt in 1..=SETTLE_ATTEMPTS {
            let settled: Result<bool> = self.store.settle_lane(settlement.clone()).await;
            match settled {
                Ok(true) => return,
                Ok(false) => {
                    return tracing::warn!(webhook = self.endpoint.name, "a lease ended before its delivery did");
                }
                Err(StoreError::Overloaded | StoreError::Full) if attempt < SETTLE_ATTEMPTS => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return tracing::warn!(webhook = self.endpoint.name, %error, "cannot store an outcome"),
            }
        }
    }
}

fn note(health: &mut Health, taken: std::result::Result<bool, tokio::task::JoinError>) {
    health.failures = if taken.unwrap_or(false) { 0 } else { health.failures.saturating_add(1) };
}

/// The id and the body of a batch: the id is the same for the same events.
fn batch(events: &[&OutboxEvent], now_ms: u64) -> (String, String) {
    let mut hash = Sha256::new();
    let mut payloads = Vec::with_capacity(events.len());
    for event in events {
        hash.update(event.id());
        payloads.push(event.payload());
    }
    let id = hash.finalize()[..16].iter().fold(String::from("evb_"), |id, byte| id + &format!("{byte:02x}"));
    let body = format!(
        r#"{{"id":"{id}","type":"batch","timestamp":"{}","data":[{}]}}"#,
        timestamp(now_ms),
        payloads.join(",")
    );
    (id, body)
}

/// The wall clock, in Unix milliseconds: the only place where this crate reads it.
pub(crate) fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
