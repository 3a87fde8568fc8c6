//! The bus of a cluster, over core NATS: subjects, queue groups and requests, nothing that is stored.
//!
//! Subjects, behind the prefix: `all` (beats, orders to close links), `node.<id>` (what concerns one node), `call` (a queue group of all service nodes)
//! and `call.<id>` (one of them), `room.<id>` (a live room). In reading order: [`link`] (sending within bounds, losing and coming back), [`beats`] (what we say about ourselves), [`inbox`] (what
//! others say), [`calls`] (asking and answering), [`outgoing`] (deliveries on their way), [`handing`] (what only those get who are there), [`rooms`].
//! Beside it, [`stream`] publishes events to JetStream, over a connection of its own.
//!
//! What may have been lost is always known to somebody, who sees to it that the sessions concerned are told to pull: the publisher, when it could not
//! send or did not know where to; the receiver, when it was cut off or could not keep up.

mod beats;
mod calls;
mod handing;
mod inbox;
mod link;
mod measure;
mod outgoing;
mod rooms;
mod stream;

pub use stream::NatsStream;

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_nats::{Client, ConnectOptions};
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use metrics::counter;
use parking_lot::{Mutex, RwLock};
use skein_proto::{codec::Codec, event::EncodedEvent, id::UserId};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Bus, BusEnds, BusMessage, BusState, CALLS_MAX, Call, CallError, DELIVERIES_MAX, Handing, NatsConfig, Place,
    Present, Sessions, Whom,
    directory::Directory,
    packet::{self, Duties, NodeId, Packet},
    recent::{Closed, Recent},
};

/// Receivers of one packet: with the largest event it stays below the megabyte that NATS takes.
const RECEIVERS_MAX: usize = 32_768;
/// How long other nodes may take to say which devices are connected there.
const DEVICES_WAIT_MAX: Duration = Duration::from_millis(500);

/// Until the others have heard that this node leaves, and call it no more; it answers meanwhile.
const HEARD_AFTER: Duration = Duration::from_millis(300);
/// How long calls that were taken may go on when the node stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What a node of the cluster is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRole {
    /// Has the service layer: publishes, and answers calls.
    pub serves: bool,
    /// Has sessions.
    pub delivers: bool,
}

/// Why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// A key of the configuration cannot be used.
    #[error("{0}")]
    Config(String),
    /// The system gives no randomness for an id.
    #[error("no randomness: {0}")]
    Randomness(getrandom::Error),
}

/// A node's end of the cluster's bus.
pub struct NatsBus {
    node: Arc<Node>,
    tasks: TaskTracker,
    /// The task that takes calls and hands answers back.
    answering: TaskTracker,
}

/// What all tasks of the bus share.
struct Node {
    client: Client,
    id: NodeId,
    boot: u64,
    prefix: String,
    role: NodeRole,
    start: Instant,
    directory: RwLock<Directory>,
    recent: Recent,
    sessions: OnceLock<Weak<dyn Sessions>>,
    deliveries: mpsc::Sender<BusMessage>,
    calls: mpsc::Sender<Call>,
    /// Changes of who is held here that were not told yet; true: held.
    untold: Mutex<HashMap<UserId, bool>>,
    changed: Notify,
    /// Of the last beat with changes.
    sequence: AtomicU64,
    link: link::Link,
    outgoing: outgoing::Outgoing,
    rooms: rooms::Subscriptions,
    /// No more calls are taken; those that were are answered.
    drain: CancellationToken,
    stop: CancellationToken,
}

impl NatsBus {
    /// Joins the cluster. Returns at once: NATS may come up later, and go and come back.
    ///
    /// # Errors
    /// A wrong configuration; never that NATS cannot be reached.
    pub async fn join(config: &NatsConfig, role: NodeRole) -> Result<BusEnds<Self>, NatsError> {
        config.check().map_err(NatsError::Config)?;
        measure::describe();
        let (events, occurred) = mpsc::channel(link::EVENTS_MAX);
        let (connected, _) = watch::channel(false);
        let options = link::options(config, events, connected.clone());
        let client = connect(config, options).await?;
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(NatsError::Randomness)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (deliveries, delivered) = mpsc::channel(DELIVERIES_MAX);
        let (calls, called) = mpsc::channel(CALLS_MAX);
        let node = Arc::new(Node {
            client,
            id: NodeId(u64::from_le_bytes(id)),
            boot: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
            prefix: config.prefix.clone(),
            role,
            start: Instant::now(),
            directory: RwLock::new(Directory::new(role.serves)),
            recent: Recent::new(),
            sessions: OnceLock::new(),
            deliveries,
            calls,
            untold: Mutex::default(),
            changed: Notify::new(),
            sequence: AtomicU64::new(0),
            link: link::Link::new(connected),
            outgoing: outgoing::Outgoing::default(),
            rooms: rooms::Subscriptions::default(),
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        let run = node.stop.clone();
        tasks.spawn(run.clone().run_until_cancelled_owned(inbox::run(node.clone())));
        tasks.spawn(run.clone().run_until_cancelled_owned(outgoing::run(node.clone())));
        tasks.spawn(run.clone().run_until_cancelled_owned(beats::run(node.clone(), occurred)));
        let answering = TaskTracker::new();
        if role.serves {
            answering.spawn(run.run_until_cancelled_owned(calls::run(node.clone())));
        }
        Ok(BusEnds { bus: Arc::new(Self { node, tasks, answering }), deliveries: delivered, calls: called })
    }
}

async fn connect(config: &NatsConfig, options: ConnectOptions) -> Result<Client, NatsError> {
    // The library's own text would show the URL, and with it a password.
    let wrong = || NatsError::Config("bus.nats.urls holds something that is not nats://host:port".to_owned());
    let servers: Result<Vec<async_nats::ServerAddr>, _> = config.urls.iter().map(|url| url.parse()).collect();
    let servers = servers.map_err(|_| wrong())?;
    options.connect(servers).await.map_err(|error| NatsError::Config(format!("bus.nats: {:?}", error.kind())))
}

impl Node {
    /// Monotonic milliseconds since the start, beginning above every margin that is taken off.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(60_000)
    }

    fn subject_all(&self) -> String {
        format!("{}.all", self.prefix)
    }

    fn subject_of(&self, node: NodeId) -> String {
        format!("{}.node.{:016x}", self.prefix, node.0)
    }

    fn duties(&self) -> Duties {
        Duties { serves: self.role.serves, delivers: self.role.delivers }
    }

    /// See [`crate::Bus::place`].
    fn place(&self, key: u64) -> Place {
        let other = self.directory.read().server_for(key);
        let this = self.role.serves.then_some(self.id);
        match (this, other) {
            (Some(this), Some(other)) if this.weight(key) < other.weight(key) => Place::There(other.0),
            (Some(_), _) => Place::Here,
            (None, Some(other)) => Place::There(other.0),
            (None, None) => Place::Nowhere,
        }
    }

    /// The sessions of this node, while it has an access layer.
    fn sessions(&self) -> Option<Arc<dyn Sessions>> {
        self.sessions.get().and_then(Weak::upgrade)
    }

    /// Hands a message to the sessions of this node.
    async fn deliver_here(&self, message: BusMessage) {
        if self.role.delivers && self.deliveries.send(message).await.is_err() {
            tracing::debug!("bus message after the access layer has stopped");
        }
    }

    /// One copy for each other node that holds any of the users, with those users.
    fn deliver_elsewhere(&self, users: &[UserId], event: &EncodedEvent, skip_device: Option<&str>) {
        self.recent.note(users, self.now_ms());
        let routes = self.directory.read().route(users);
        if routes.is_empty() {
            return;
        }
        let event = event.encoded(Codec::Binary);
        for (node, users) in routes {
            for users in users.chunks(RECEIVERS_MAX) {
                if self.link.is_connected() && self.outgoing.add(node, skip_device, users, event) {
                    counter!("skein_bus_deliveries_total").increment(1);
                } else {
                    self.note_unsent();
                }
            }
        }
    }

    /// Tells nodes to tell these users to pull.
    async fn tell_to_pull(&self, node: NodeId, users: Vec<UserId>) {
        for users in users.chunks(RECEIVERS_MAX) {
            let packet = Packet::Lagging { users: users.to_vec() };
            self.send(self.subject_of(node), packet.encode()).await;
        }
    }
}

impl From<&Closed> for Packet {
    fn from(closed: &Closed) -> Self {
        Self::CloseLinks {
            user: closed.user,
            device_id: closed.device_id.clone(),
            generation_max: closed.generation_max,
            code: closed.code,
        }
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn publish(&self, message: BusMessage) {
        let node = &self.node;
        match &message {
            BusMessage::Deliver { users, event, skip_device } => {
                let (users, event, skip_device) = (users.clone(), event.clone(), skip_device.clone());
                node.deliver_here(message).await;
                node.deliver_elsewhere(&users, &event, skip_device.as_deref());
            }
            BusMessage::CloseLinks { user, device_id, generation_max, code } => {
                // To all: it must not depend on what is known about anybody's whereabouts.
                let closed = Closed {
                    time_ms: node.now_ms(),
                    user: *user,
                    device_id: device_id.clone(),
                    generation_max: *generation_max,
                    code: *code as i32,
                };
                node.deliver_here(message).await;
                let packet = Packet::from(&closed).encode();
                node.recent.note_closed(closed);
                node.send(node.subject_all(), packet).await;
            }
            BusMessage::EndSession { user, device_id, session_id } => {
                let [a, b, c, d, ..] = *session_id;
                let Some(other) = node.directory.read().node_by_tag([a, b, c, d]) else { return };
                let packet = Packet::EndSession { user: *user, device_id: device_id.clone(), session_id: *session_id };
                node.send(node.subject_of(other), packet.encode()).await;
            }
            BusMessage::Notice(notice) => {
                node.send(node.subject_all(), Packet::Notice(notice.clone()).encode()).await;
            }
            BusMessage::Lagging(whom) => {
                if let Whom::Users(users) = whom {
                    let routes = node.directory.read().route(users);
                    for (other, users) in routes {
                        node.tell_to_pull(other, users).await;
                    }
                }
                node.deliver_here(message).await;
            }
            BusMessage::Stirred(whom) => {
                if let Whom::Users(users) = whom {
                    node.tell_stirred(users).await;
                }
                node.deliver_here(message).await;
            }
            BusMessage::Room { room, packet } => self.publish_room(&room.clone(), packet.clone()).await,
        }
    }

    async fn online_devices(&self, user: UserId) -> Vec<Arc<str>> {
        let mut devices = self.node.sessions().map(|sessions| sessions.online_devices(user)).unwrap_or_default();
        let others = self.node.directory.read().nodes_of(user);
        let question = Packet::Devices { user }.encode();
        let answers = others.into_iter().map(|other| {
            let subject = self.node.subject_of(other);
            self.node.request(subject, question.clone(), DEVICES_WAIT_MAX)
        });
        for answer in join_all(answers).await.into_iter().flatten() {
            devices.extend(packet::decode_names(answer).unwrap_or_default());
        }
        devices.sort_unstable();
        devices.dedup();
        devices
    }

    async fn list_present(&self, users: &[UserId]) -> Vec<Present> {
        self.node.list_present(users).await
    }

    async fn hand(&self, handing: Handing) -> u32 {
        self.node.hand(&handing).await
    }

    async fn call_within(&self, key: Option<u64>, request: Bytes, patience: Duration) -> Result<Bytes, CallError> {
        calls::call(&self.node, key, request, patience).await
    }

    async fn call_node(&self, number: u64, request: Bytes) -> Result<Bytes, CallError> {
        calls::call_node(&self.node, number, request).await
    }

    fn number(&self) -> u64 {
        self.node.id.0
    }

    async fn call_all(&self, request: Bytes) -> Vec<Bytes> {
        calls::call_all(&self.node, request).await
    }

    fn place(&self, key: u64) -> Place {
        self.node.place(key)
    }

    async fn publish_room(&self, room: &str, packet: Bytes) {
        self.node.publish_room(room, packet).await;
    }

    async fn subscribe_room(&self, room: &Arc<str>) {
        self.node.subscribe_room(room).await;
    }

    fn unsubscribe_room(&self, room: &str) {
        self.node.rooms.remove(room);
    }

    fn attach(&self, sessions: Weak<dyn Sessions>) {
        let _ = self.node.sessions.set(sessions);
    }

    fn set_held(&self, user: UserId, held: bool) {
        self.node.note_held(user, held);
    }

    fn tag(&self) -> Option<[u8; 4]> {
        Some(self.node.id.tag())
    }

    fn state(&self) -> BusState {
        if self.node.link.is_connected() { BusState::Connected } else { BusState::Disconnected }
    }

    async fn close(&self) {
        self.node.leave().await;
        if self.node.role.serves && self.node.link.is_connected() {
            tokio::time::sleep(HEARD_AFTER).await;
        }
        self.node.drain.cancel();
        self.answering.close();
        let _ = tokio::time::timeout(DRAIN_MAX, self.answering.wait()).await;
        self.node.send_outgoing().await;
        link::flushed(&self.node.client).await;
        self.node.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for NatsBus {
    fn drop(&mut self) {
        self.node.stop.cancel();
    }
}
