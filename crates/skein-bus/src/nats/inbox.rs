//! What other nodes say: to all, and to this one.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use buffa::Enumeration as _;
use futures::{StreamExt as _, stream};
use metrics::counter;
use skein_proto::{event::EncodedEvent, v1::CloseCode};

use super::{Node, Ordering, handing::handing};
use crate::{
    BusMessage, Whom,
    directory::Heard,
    packet::{self, Beat, Delivery, NodeId, Packet, Snapshot},
};

/// Users of one part of a snapshot.
const PART_USERS_MAX: usize = 32_768;

/// Runs until it is dropped.
pub(super) async fn run(node: Arc<Node>) {
    let Some(all) = subscribe(&node, node.subject_all()).await else { return };
    let Some(own) = subscribe(&node, node.subject_of(node.id)).await else { return };
    let mut messages = stream::select(all, own);
    while let Some(message) = messages.next().await {
        counter!("skein_bus_received_total").increment(1);
        match Packet::decode(message.payload.clone()) {
            Ok(packet) => node.take(packet, &message).await,
            Err(error) => {
                counter!("skein_bus_malformed_total").increment(1);
                tracing::debug!(%error, subject = %message.subject, "a packet that is not understood");
            }
        }
    }
}

async fn subscribe(node: &Node, subject: String) -> Option<Subscriber> {
    match node.client.subscribe(subject).await {
        Ok(subscriber) => Some(subscriber),
        Err(error) => {
            tracing::error!(%error, "cannot subscribe: this node hears nothing of others");
            None
        }
    }
}

impl Node {
    async fn take(&self, packet: Packet, message: &Message) {
        match packet {
            Packet::Deliver(deliveries) => {
                for Delivery { skip_device, users, event } in deliveries {
                    let event = Arc::new(EncodedEvent::from_encoded(event));
                    self.deliver_here(BusMessage::Deliver { users: users.into(), event, skip_device }).await;
                }
            }
            Packet::CloseLinks { user, device_id, generation_max, code } => {
                let code = CloseCode::from_i32(code).unwrap_or(CloseCode::TokenRevoked);
                self.deliver_here(BusMessage::CloseLinks { user, device_id, generation_max, code }).await;
            }
            Packet::EndSession { user, device_id, session_id } => {
                self.deliver_here(BusMessage::EndSession { user, device_id, session_id }).await;
            }
            Packet::Lagging { users } => self.deliver_here(BusMessage::Lagging(Whom::Users(users.into()))).await,
            Packet::Beat(beat) => self.take_beat(&beat).await,
            Packet::Ask { asker } => self.answer(asker).await,
            Packet::Snapshot(snapshot) => {
                let other = snapshot.node;
                let heard = self.directory.write().learn(snapshot, self.now_ms());
                self.follow(other, heard).await;
            }
            Packet::Hand { only_device, skip_device, users, event } => {
                let answer = self.take_handing(&handing(only_device, skip_device, users, event));
                if let Some(reply) = message.reply.clone() {
                    self.send(reply.to_string(), answer).await;
                }
            }
            Packet::Notice(notice) => self.deliver_here(BusMessage::Notice(notice)).await,
            Packet::Stirred { users } => {
                let whom = if users.is_empty() { Whom::All } else { Whom::Users(users.into()) };
                self.deliver_here(BusMessage::Stirred(whom)).await;
            }
            Packet::Present { users } => {
                let Some(reply) = message.reply.clone() else { return };
                let present = self.present_here(&users);
                self.send(reply.to_string(), packet::encode_present(&present)).await;
            }
            Packet::Devices { user } => {
                let Some(reply) = message.reply.clone() else { return };
                let devices = self.sessions().map(|sessions| sessions.online_devices(user)).unwrap_or_default();
                self.send(reply.to_string(), packet::encode_names(&devices)).await;
            }
        }
    }

    async fn take_beat(&self, beat: &Beat) {
        let (known, heard) = {
            let mut directory = self.directory.write();
            let known = directory.knows(beat.node);
            (known, directory.hear(beat, self.now_ms(), self.blind_since_ms()))
        };
        if !known && !beat.leaving {
            tracing::info!(
                node = format!("{:016x}", beat.node.0),
                serves = beat.duties.serves,
                delivers = beat.duties.delivers,
                "a node is there"
            );
            // It should not have to wait a second to know of us.
            self.say(0).await;
        }
        if beat.deaf_ms > 0 && self.role.serves {
            let subject = self.subject_of(beat.node);
            self.repeat_closes(&subject, self.now_ms().saturating_sub(beat.deaf_ms)).await;
        }
        if known && beat.leaving {
            // Whoever was there is not there any more, and it does not matter who that was.
            self.deliver_here(BusMessage::Stirred(Whom::All)).await;
        }
        self.follow(beat.node, heard).await;
    }

    /// Does what follows from something that was heard.
    async fn follow(&self, other: NodeId, heard: Heard) {
        if heard.ask {
            self.send(self.subject_of(other), Packet::Ask { asker: self.id }.encode()).await;
        }
        if !heard.appeared.is_empty() {
            self.deliver_here(BusMessage::Stirred(Whom::Users(heard.appeared.as_slice().into()))).await;
        }
        let missed: Vec<_> =
            heard.appeared.into_iter().filter(|user| self.recent.concerns(*user, heard.since_ms)).collect();
        if !missed.is_empty() {
            self.tell_to_pull(other, missed).await;
        }
        if heard.whole {
            self.deliver_here(BusMessage::Stirred(Whom::All)).await;
            if self.role.serves {
                self.tell_all_stirred().await;
            }
            self.repeat_closes(&self.subject_of(other), heard.since_ms).await;
        }
    }

    /// Sends all users of this node to one that asks.
    async fn answer(&self, asker: NodeId) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        let mut users = self.sessions().map(|sessions| sessions.users()).unwrap_or_default();
        users.sort_unstable();
        let parts = users.len().div_ceil(PART_USERS_MAX).max(1);
        for part in 0..parts {
            let from = part * PART_USERS_MAX;
            let to = users.len().min(from + PART_USERS_MAX);
            let snapshot = Snapshot {
                node: self.id,
                boot: self.boot,
                sequence,
                part: part as u64,
                is_last: part + 1 == parts,
                users: users[from..to].to_vec(),
            };
            self.send(self.subject_of(asker), Packet::Snapshot(snapshot).encode()).await;
        }
    }
}
