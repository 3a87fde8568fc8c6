//! The bus of a single node: a bounded queue between the service layer and the access layer of one process.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use skein_proto::id::UserId;
use tokio::sync::mpsc;

use crate::{Bus, BusMessage, BusState, CallError, DELIVERIES_MAX, Handing, Place, Present, Sessions, merged};

/// Publishing end; the receiving end goes to the access layer.
#[derive(Clone)]
pub struct LocalBus {
    deliveries: mpsc::Sender<BusMessage>,
    sessions: Arc<OnceLock<Weak<dyn Sessions>>>,
    rooms: Arc<Mutex<HashSet<Arc<str>>>>,
}

impl LocalBus {
    /// A bus and its only subscriber.
    pub fn new() -> (Self, mpsc::Receiver<BusMessage>) {
        let (deliveries, receiver) = mpsc::channel(DELIVERIES_MAX);
        (Self { deliveries, sessions: Arc::default(), rooms: Arc::default() }, receiver)
    }

    /// The sessions, while there is an access layer.
    fn sessions(&self) -> Option<Arc<dyn Sessions>> {
        self.sessions.get().and_then(Weak::upgrade)
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, message: BusMessage) {
        if matches!(message, BusMessage::Notice(_)) {
            // There is no other node.
            return;
        }
        if self.deliveries.send(message).await.is_err() {
            tracing::debug!("bus message after the access layer has stopped");
        }
    }

    async fn online_devices(&self, user: UserId) -> Vec<Arc<str>> {
        self.sessions().map(|sessions| sessions.online_devices(user)).unwrap_or_default()
    }

    async fn list_present(&self, users: &[UserId]) -> Vec<Present> {
        merged(self.sessions().map(|sessions| sessions.list_present(users)).unwrap_or_default())
    }

    async fn hand(&self, handing: Handing) -> u32 {
        self.sessions().map_or(0, |sessions| sessions.hand(&handing))
    }

    async fn call_within(&self, _: Option<u64>, _: Bytes, _: Duration) -> Result<Bytes, CallError> {
        Err(CallError::Nobody)
    }

    async fn call_node(&self, _: u64, _: Bytes) -> Result<Bytes, CallError> {
        Err(CallError::Nobody)
    }

    fn number(&self) -> u64 {
        0
    }

    async fn call_all(&self, _: Bytes) -> Vec<Bytes> {
        Vec::new()
    }

    fn place(&self, _: u64) -> Place {
        Place::Here
    }

    async fn publish_room(&self, room: &str, packet: Bytes) {
        let listening = self.rooms.lock().get(room).cloned();
        if let Some(room) = listening {
            self.publish(BusMessage::Room { room, packet }).await;
        }
    }

    async fn subscribe_room(&self, room: &Arc<str>) {
        self.rooms.lock().insert(room.clone());
    }

    fn unsubscribe_room(&self, room: &str) {
        self.rooms.lock().remove(room);
    }

    fn attach(&self, sessions: Weak<dyn Sessions>) {
        let _ = self.sessions.set(sessions);
    }

    fn set_held(&self, _: UserId, _: bool) {}

    fn tag(&self) -> Option<[u8; 4]> {
        None
    }

    fn state(&self) -> BusState {
        BusState::Connected
    }

    async fn close(&self) {}
}
