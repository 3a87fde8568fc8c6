//! The outbox: events for business systems, written in the transaction of their cause, and who has got them.
//!
//! **Recording.** Every operation of the contract that changes something also records an event of the kind that
//! [`skein_proto::outbox::EventKind`] names for it, in the same transaction, when that kind is switched on
//! ([`OutboxStore::set_recorded_kinds`]); no other one does anything. A repeat that changes nothing records nothing.
//!
//! **Positions.** Each event has a position. Events of one lane (a conversation, or a user's own world) are in the order of their changes. A list
//! returns only what is *stable*: once an event with position p was returned, no event with a position below p will ever appear. An engine with
//! one writer has that by itself. One with many must not hand out positions where rows are inserted, because a transaction that commits later may
//! hold a lower one, nor order by transaction ids, because the order in which two transactions began is not the order in which they locked a
//! conversation. It can insert rows with a number from a sequence, taken under the lock of the conversation or user, and give positions in a step of its
//! own, one at a time in the deployment (under a lock, and looking only then): all committed rows without a position get the next ones in the order of their numbers. Of
//! two events of one lane the later one's transaction waited for the commit of the earlier one's, so whichever step sees it sees both.
//!
//! **Consumers.** Each webhook is a consumer: a cursor (everything up to it was handed to a lane), and a row for each lane that has something undelivered. A
//! claim takes lanes under a lease: retries that are due, then fresh lanes beyond the cursor. So a lane that fails waits by itself, the others go
//! on, and a worker that dies loses its lease, not the events. Leases are known by their holder; of a settlement by anybody else nothing is kept.

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use skein_proto::outbox::{self, EventKind, KindSet, Lane};

use crate::Result;

/// Events that one read looks at, at most.
pub const EVENTS_SCANNED_MAX: u32 = 2_048;
/// Events that one trim removes, at most, so that it does not hold up the writers.
pub const EVENTS_TRIMMED_MAX: u32 = 2_000;

/// A recorded event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Where it is in the order of all.
    pub position: u64,
    /// What happened.
    pub kind: EventKind,
    /// With what it is in order.
    pub lane: Lane,
    /// When it happened, Unix milliseconds.
    pub time_ms: u64,
    /// Encoded [`skein_proto::v1::OutboxData`].
    pub data: Bytes,
}

impl OutboxEvent {
    /// The id by which receivers tell a repeat: made of what happened, so it is the same at every delivery, on every node, after every restart.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update([self.kind as u8]);
        hash.update(self.lane.0.to_be_bytes());
        hash.update(self.time_ms.to_be_bytes());
        hash.update(&self.data);
        let hash = hash.finalize();
        hash[..16].iter().fold(String::from("evt_"), |id, byte| id + &format!("{byte:02x}"))
    }

    /// The JSON text that business systems get.
    pub fn payload(&self) -> String {
        outbox::payload(&self.id(), self.kind, self.time_ms, &self.data)
    }
}

/// Some events in their order.
#[derive(Clone, Debug, Default)]
pub struct EventPage {
    /// Those of the kinds asked for.
    pub events: Vec<OutboxEvent>,
    /// Where to go on: everything up to here was looked at.
    pub next: u64,
    /// There is more beyond it.
    pub has_more: bool,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventBounds {
    /// Everything up to here was trimmed; 0 when nothing was.
    pub trimmed: u64,
    /// Position of the newest stable event; 0 when there never was one.
    pub last: u64,
}

/// A webhook, as far as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRow {
    /// As configured.
    pub name: String,
    /// Whether it is served.
    pub enabled: bool,
    /// Why it is not.
    pub disabled_reason: String,
    /// Everything up to here was handed to a lane.
    pub cursor: u64,
    /// Lanes with something undelivered.
    pub lanes: u64,
    /// Events given up.
    pub dead: u64,
}

/// Who asks for work, and how much.
#[derive(Clone, Debug)]
pub struct ClaimLanes {
    /// The consumer.
    pub consumer: String,
    /// Kinds it wants; the others are passed over.
    pub kinds: KindSet,
    /// Unguessable or at least unique name of the worker's life.
    pub holder: String,
    /// Lanes wanted, at most.
    pub lanes_max: u32,
    /// Of these, lanes that had nothing undelivered before. 0 takes up retries only.
    pub fresh_max: u32,
    /// Events of each lane, at most.
    pub events_max: u32,
    /// The clock, Unix milliseconds.
    pub now_ms: u64,
    /// When the lease ends, Unix milliseconds.
    pub until_ms: u64,
}

/// A lane under lease, with its oldest undelivered events in their order, at least one.
#[derive(Clone, Debug)]
pub struct ClaimedLane {
    /// The lane.
    pub lane: Lane,
    /// How often the first of the events has failed.
    pub attempts: u32,
    /// To be delivered in this order.
    pub events: Vec<OutboxEvent>,
}

/// The outcome of a claim.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// Work; empty when there is none now.
    pub lanes: Vec<ClaimedLane>,
    /// When the next retry is due, or a lease ends, Unix milliseconds.
    pub next_due_ms: Option<u64>,
    /// Where the consumer's cursor is now.
    pub cursor: u64,
    /// Nothing beyond the cursor was left out. False for one that is off.
    pub caught_up: bool,
}

/// What became of the first event that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// There is none: all that was claimed up to `delivered` is done; what is left of the lane is due at once.
    None,
    /// Try again then. Counts as an attempt.
    Retry {
        /// Position of the event that failed.
        position: u64,
        /// When it is due.
        at_ms: u64,
        /// Why it failed.
        error: String,
    },
    /// Given up, and kept among the dead. The rest of the lane is due at once.
    Dead {
        /// Position of the event that failed.
        position: u64,
        /// Why it failed.
        error: String,
        /// The clock, Unix milliseconds.
        now_ms: u64,
    },
}

/// The end of a lease on a lane.
#[derive(Clone, Debug)]
pub struct SettleLane {
    /// The consumer.
    pub consumer: String,
    /// Who claimed it.
    pub holder: String,
    /// The lane.
    pub lane: Lane,
    /// Position of the last event delivered in this lease; 0 when none was.
    pub delivered: u64,
    /// What became of the next one.
    pub then: Undelivered,
}

/// An event that a consumer did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEvent {
    /// The event.
    pub event: OutboxEvent,
    /// How often it was tried.
    pub attempts: u32,
    /// How it failed last.
    pub error: String,
    /// When it was given up, Unix milliseconds.
    pub died_ms: u64,
}

/// See the [crate] documentation for the guarantees.
#[async_trait]
pub trait OutboxStore {
    /// Which kinds are recorded from now on. None until this is called. Every node of a deployment must be told the same.
    fn set_recorded_kinds(&self, kinds: KindSet);
    /// Events beyond `after` of these kinds; looks at no more than `limit` (and [`EVENTS_SCANNED_MAX`]) events of any kind.
    async fn list_events(&self, after: u64, kinds: KindSet, limit: u32) -> Result<EventPage>;
    /// What is kept.
    async fn lookup_event_bounds(&self) -> Result<EventBounds>;
    /// Returns when there may be an event beyond `after`, at once when there is one. May return early; never misses one for longer than a second.
    async fn wait_for_events(&self, after: u64);
    /// Removes up to [`EVENTS_TRIMMED_MAX`] of the oldest events that happened before this time and that no enabled consumer still has to get;
    /// finished mailings of before this time go too, as many. Returns how many were removed.
    async fn trim_events(&self, before_ms: u64) -> Result<u32>;

    /// Makes exactly these the consumers: new ones begin with what happens from now on, others are forgotten with all that is theirs.
    async fn set_consumers(&self, names: &[String]) -> Result<()>;
    /// All consumers, by name.
    async fn list_consumers(&self) -> Result<Vec<ConsumerRow>>;
    /// Switches a consumer on, or off with a reason. One that is off keeps its place, but nothing is kept for it beyond the usual age. Errors: `NotFound`.
    async fn set_consumer_enabled(&self, name: &str, enabled: bool, reason: &str) -> Result<()>;
    /// Leases lanes. Gives none when the consumer is off, or there is no such one.
    async fn claim_lanes(&self, claim: ClaimLanes) -> Result<Claimed>;
    /// Ends a lease. False when it was not the holder's any more; then nothing changed.
    async fn settle_lane(&self, settlement: SettleLane) -> Result<bool>;
    /// The dead of a consumer beyond this position, oldest first.
    async fn list_dead_events(&self, consumer: &str, after: u64, limit: u32) -> Result<Vec<DeadEvent>>;
}
