//! The bus: how the service layer reaches the connections, on this node or another. Delivery is an optimisation:
//! what is lost here is found by a pull, because the timelines are the truth.
//!
//! In reading order: this contract; [`local`], the in-process bus of a single node; [`nats`], the bus of a cluster, with `directory` (which node
//! holds which user), `recent` (what concerned whom lately) and [`packet`] (the bytes between nodes); `conformance`, what every bus must do.
//!
//! Live rooms have a subject each, to which a node listens while it has members there.

pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod local;
pub mod nats;
pub mod packet;

mod directory;
mod recent;

pub use config::{BusConfig, BusEngine, EventStreamConfig, NatsConfig};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use skein_proto::{event::EncodedEvent, id::UserId, v1::CloseCode};
use tokio::sync::{mpsc, oneshot};

/// Messages that may wait between the bus and the access layer of one node.
pub const DELIVERIES_MAX: usize = 16_384;
/// Calls from other nodes that may wait for the service layer of one node.
pub const CALLS_MAX: usize = 4_096;
/// How long a call may take; the longest operation hashes a password behind others.
pub const CALL_MAX: Duration = Duration::from_secs(10);
/// Largest call or answer that is carried, in bytes: a megabyte, which is what a NATS server takes unless told otherwise, less some words of the bus.
pub const CALL_BYTES_MAX: usize = 1024 * 1024 - 1024;

/// What the access layer is told.
#[derive(Clone, Debug)]
pub enum BusMessage {
    /// Push an event to every session of these users.
    Deliver {
        /// Receivers; shared, because one list serves all nodes.
        users: Arc<[UserId]>,
        /// Encoded once for all of them.
        event: Arc<EncodedEvent>,
        /// A device that knows already (the one that caused the event).
        skip_device: Option<Arc<str>>,
    },
    /// Close the links of a user: of one device, or of all.
    CloseLinks {
        /// Whose.
        user: UserId,
        /// Which device; `None` for all.
        device_id: Option<Arc<str>>,
        /// Only links with tokens of this generation of the device or an earlier one: a later log-in is not meant, however late this comes.
        generation_max: u64,
        /// Told to the client; must be of the range that fits.
        code: CloseCode,
    },
    /// A session was resumed on another node, where it is not known: its connection has been superseded, and nobody will come back for it.
    EndSession {
        /// Whose.
        user: UserId,
        /// Which device.
        device_id: Arc<str>,
        /// Its first bytes are the tag of the node that made it.
        session_id: [u8; 16],
    },
    /// Pushes may have been lost: sessions are told to pull.
    Lagging(Whom),
    /// How these people look to others may have changed: whoever watches them asks again.
    Stirred(Whom),
    /// What one access layer tells those of all other nodes; its bytes are theirs to read. The node that publishes it is not told.
    Notice(Bytes),
    /// Something about a live room that this node listens to, see [`Bus::publish_room`].
    Room {
        /// Which room.
        room: Arc<str>,
        /// As it was published.
        packet: Bytes,
    },
}

/// An event for those who are connected now, and nobody else.
#[derive(Clone, Debug)]
pub struct Handing {
    /// Receivers.
    pub users: Arc<[UserId]>,
    /// Only this device of theirs.
    pub only_device: Option<Arc<str>>,
    /// Not this one: it caused the event.
    pub skip_device: Option<Arc<str>>,
    /// What they get.
    pub event: Arc<EncodedEvent>,
}

/// Where calls with a key are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By the service layer of this node.
    Here,
    /// By another one; the number tells it from others.
    There(u64),
    /// No service node is known.
    Nowhere,
}

/// Whom a message concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Every session of the node.
    All,
    /// Those of these users.
    Users(Arc<[UserId]>),
}

/// The sessions of one node, as the bus sees them.
pub trait Sessions: Send + Sync + 'static {
    /// Everybody who has a session here, connected or to be resumed.
    fn users(&self) -> Vec<UserId>;
    /// The devices of a user that are connected here.
    fn online_devices(&self, user: UserId) -> Vec<Arc<str>>;
    /// Queues an event in the sessions that are connected, or were a moment ago; in how many.
    fn hand(&self, handing: &Handing) -> u32;
    /// Those of these users who are here, with what their devices run on. Whoever left a moment ago still counts.
    fn list_present(&self, users: &[UserId]) -> Vec<Present>;
}

/// Somebody who is connected somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// Who.
    pub user: UserId,
    /// Numbers of `skein.v1.Platform`, each once, in order.
    pub platforms: Vec<u32>,
}

/// One for each person, with the platforms of all.
pub(crate) fn merged(present: impl IntoIterator<Item = Present>) -> Vec<Present> {
    let mut by_user: BTreeMap<UserId, BTreeSet<u32>> = BTreeMap::new();
    for Present { user, platforms } in present {
        by_user.entry(user).or_default().extend(platforms);
    }
    let one = |(user, platforms): (UserId, BTreeSet<u32>)| Present { user, platforms: platforms.into_iter().collect() };
    by_user.into_iter().map(one).collect()
}

/// A call from a node that has no service layer; to be answered by one that has.
#[derive(Debug)]
pub struct Call {
    /// What the other end gave to [`Bus::call`].
    pub request: Bytes,
    /// Where the answer goes; dropping it leaves the caller to its deadline.
    pub reply: oneshot::Sender<Bytes>,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody is there to answer; the call was not made.
    #[error("no service node can be reached")]
    Nobody,
    /// The service nodes have too much to do; the call was not made.
    #[error("the service nodes have too many calls waiting")]
    Overloaded,
    /// No answer came in time, or the bus broke meanwhile: the call may or may not have been made.
    #[error("no answer came")]
    Unanswered,
}

/// Whether the bus reaches other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusState {
    /// There are no others, or they are reached.
    Connected,
    /// Others are not reached; what they should have been told is found by pulls.
    Disconnected,
}

/// The bus contract.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Hands a message to the nodes concerned. Waits a bounded time while a queue is full; never fails: what cannot be handed on is
    /// counted, and its receivers are told to pull when they can be reached again. Messages of one publisher to one user arrive in the order published.
    async fn publish(&self, message: BusMessage);

    /// The devices of a user that are connected, to whichever node. Nodes that do not answer in time count as having none.
    async fn online_devices(&self, user: UserId) -> Vec<Arc<str>>;

    /// Those of these users who are connected, to whichever node, by user. Nodes that do not answer in time count as having none.
    async fn list_present(&self, users: &[UserId]) -> Vec<Present>;

    /// Hands an event to those who are connected, to whichever node, past everything that waits; to how many sessions. Nothing is kept or repeated:
    /// nodes that do not answer in time count as none.
    async fn hand(&self, handing: Handing) -> u32;

    /// Has a service node answer, never this one. Calls with one key go to the same node while there is no change among them, in the order made. Never
    /// repeated by the bus, except when it is certain that nobody took it.
    ///
    /// # Errors
    /// [`CallError`], at once when nobody is there, else after a deadline.
    async fn call(&self, key: Option<u64>, request: Bytes) -> Result<Bytes, CallError> {
        self.call_within(key, request, CALL_MAX).await
    }

    /// The same with another deadline.
    ///
    /// # Errors
    /// As [`Bus::call`].
    async fn call_within(&self, key: Option<u64>, request: Bytes, patience: Duration) -> Result<Bytes, CallError>;

    /// Has this service node answer, see [`Bus::number`].
    ///
    /// # Errors
    /// As [`Bus::call`].
    async fn call_node(&self, number: u64, request: Bytes) -> Result<Bytes, CallError>;

    /// The number of this node, by which others may call it.
    fn number(&self) -> u64;

    /// Has every other service node answer; those that do not in time are missing.
    async fn call_all(&self, request: Bytes) -> Vec<Bytes>;

    /// Where calls with this key are answered: on all nodes the same, while there is no change among those that serve and all know of each other.
    fn place(&self, key: u64) -> Place;

    /// Hands a packet to all nodes that listen to the room, this one included; others pay nothing. Packets of one publisher arrive in the order published,
    /// but some may be missing: they carry what the receiver needs to notice.
    async fn publish_room(&self, room: &str, packet: Bytes);

    /// Listens to a room. What is published after it returns arrives, as [`BusMessage::Room`]. Again: nothing.
    async fn subscribe_room(&self, room: &Arc<str>);

    /// Listens to it no more.
    fn unsubscribe_room(&self, room: &str);

    /// The access layer introduces its sessions, once.
    fn attach(&self, sessions: Weak<dyn Sessions>);

    /// The access layer tells when the first session of a user comes into being and the last one is gone.
    fn set_held(&self, user: UserId, held: bool);

    /// First bytes of the ids of sessions made here: they find the node when a session is resumed elsewhere. `None`: there is no elsewhere.
    fn tag(&self) -> Option<[u8; 4]>;

    /// Whether other nodes are reached.
    fn state(&self) -> BusState;

    /// Says goodbye to the others.
    async fn close(&self);
}

/// The two ends of a bus: for publishing, and what comes out of it.
pub struct BusEnds<B: ?Sized> {
    /// For the layers.
    pub bus: Arc<B>,
    /// For the access layer.
    pub deliveries: mpsc::Receiver<BusMessage>,
    /// For the service layer.
    pub calls: mpsc::Receiver<Call>,
}
