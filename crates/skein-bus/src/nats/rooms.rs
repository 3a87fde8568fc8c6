//! Live rooms: a subject for each, to which this node listens while it has members there.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use futures::StreamExt as _;
use metrics::counter;
use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::{Node, link};
use crate::BusMessage;

/// The rooms that this node listens to, each with the task that does.
#[derive(Default)]
pub(super) struct Subscriptions(Mutex<HashMap<Arc<str>, AbortOnDropHandle<()>>>);

impl Subscriptions {
    /// Ends the task of a room, and with it the subscription.
    pub(super) fn remove(&self, room: &str) {
        self.0.lock().remove(room);
    }

    fn get(&self, room: &str) -> Option<Arc<str>> {
        self.0.lock().get_key_value(room).map(|(room, _)| room.clone())
    }
}

impl Node {
    /// Ids may hold dots, which mean something in a subject, and never hold an exclamation mark.
    fn subject_of_room(&self, room: &str) -> String {
        format!("{}.room.{}", self.prefix, room.replace('.', "!"))
    }

    /// See [`crate::Bus::publish_room`].
    pub(super) async fn publish_room(&self, room: &str, packet: Bytes) {
        if let Some(room) = self.rooms.get(room) {
            self.deliver_here(BusMessage::Room { room, packet: packet.clone() }).await;
        }
        // What is lost leaves a gap in the offsets, which whoever listens notices.
        self.send(self.subject_of_room(room), packet).await;
    }

    /// See [`crate::Bus::subscribe_room`].
    pub(super) async fn subscribe_room(&self, room: &Arc<str>) {
        if self.rooms.get(room).is_some() {
            return;
        }
        let mut packets = match self.client.subscribe(self.subject_of_room(room)).await {
            Ok(packets) => packets,
            Err(error) => return tracing::error!(%error, "cannot subscribe to a room: it is silent here"),
        };
        link::flushed(&self.client).await;
        let (deliveries, id) = (self.deliveries.clone(), room.clone());
        let listening = tokio::spawn(async move {
            while let Some(message) = packets.next().await {
                counter!("skein_bus_received_total").increment(1);
                let packet = BusMessage::Room { room: id.clone(), packet: message.payload };
                if deliveries.send(packet).await.is_err() {
                    return;
                }
            }
        });
        self.rooms.0.lock().insert(room.clone(), AbortOnDropHandle::new(listening));
    }
}
