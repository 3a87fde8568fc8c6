//! Deliveries that leave for other nodes. Those that are ready together share a packet; nobody waits for company.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use skein_proto::id::UserId;
use tokio::sync::Notify;

use super::Node;
use crate::packet::{Deliveries, NodeId};

/// A packet is not made longer than this by a further delivery; one that is longer by itself travels alone.
const PACKET_BYTES_MAX: usize = 256 * 1024;
/// Bytes that wait to be handed to NATS's client, for all nodes together. What comes then is lost, and its receivers are told to pull.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes that a receiver takes at most.
const RECEIVER_BYTES: usize = 10;

/// What waits to leave.
#[derive(Default)]
pub(super) struct Outgoing {
    waiting: Mutex<Waiting>,
    added: Notify,
    /// Held while packets are handed over, so that they leave in the order made.
    sending: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    full: Vec<(NodeId, Bytes)>,
    /// One for each node, younger than its full ones.
    open: HashMap<NodeId, Deliveries>,
    bytes: usize,
}

impl Outgoing {
    /// Whether there was room.
    pub(super) fn add(&self, node: NodeId, skip_device: Option<&str>, users: &[UserId], event: &[u8]) -> bool {
        let mut waiting = self.waiting.lock();
        let waiting = &mut *waiting;
        let bytes_max = event.len() + users.len() * RECEIVER_BYTES;
        if waiting.bytes + bytes_max > WAITING_BYTES_MAX {
            return false;
        }
        let is_full = waiting.open.get(&node).is_some_and(|open| open.bytes() + bytes_max > PACKET_BYTES_MAX);
        if is_full && let Some(full) = waiting.open.remove(&node) {
            waiting.full.push((node, full.finish()));
        }
        let open = waiting.open.entry(node).or_insert_with(Deliveries::new);
        let before = open.bytes();
        open.add(skip_device, users, event);
        waiting.bytes += open.bytes() - before;
        self.added.notify_one();
        true
    }

    fn take(&self) -> Vec<(NodeId, Bytes)> {
        let Waiting { mut full, open, .. } = std::mem::take(&mut *self.waiting.lock());
        full.extend(open.into_iter().map(|(node, deliveries)| (node, deliveries.finish())));
        full
    }
}

/// Runs until it is dropped.
pub(super) async fn run(node: Arc<Node>) {
    loop {
        node.outgoing.added.notified().await;
        // Whoever else is ready to add something does so first: a commit answers a batch of senders at once.
        tokio::task::yield_now().await;
        node.send_outgoing().await;
    }
}

impl Node {
    /// Hands over what waits.
    pub(super) async fn send_outgoing(&self) {
        let _in_order = self.outgoing.sending.lock().await;
        for (other, packet) in self.outgoing.take() {
            self.send(self.subject_of(other), packet).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Packet;

    const HERE: NodeId = NodeId(1);
    const THERE: NodeId = NodeId(2);

    /// Node and events of each packet.
    fn taken(outgoing: &Outgoing) -> Vec<(NodeId, Vec<Bytes>)> {
        let events = |packet| match Packet::decode(packet) {
            Ok(Packet::Deliver(deliveries)) => deliveries.into_iter().map(|delivery| delivery.event).collect(),
            other => panic!("{other:?}"),
        };
        outgoing.take().into_iter().map(|(node, packet)| (node, events(packet))).collect()
    }

    #[test]
    fn what_is_ready_together_leaves_together_and_in_order() {
        let outgoing = Outgoing::default();
        assert!(outgoing.add(HERE, Some("phone"), &[UserId(7)], b"one"));
        assert!(outgoing.add(THERE, None, &[UserId(8)], b"two"));
        assert!(outgoing.add(HERE, None, &[UserId(9)], b"three"));
        let mut packets = taken(&outgoing);
        packets.sort_by_key(|(node, _)| node.0);
        assert_eq!(packets, [(HERE, vec!["one".into(), "three".into()]), (THERE, vec!["two".into()])]);
        assert!(taken(&outgoing).is_empty());
    }

    #[test]
    fn one_that_is_longer_than_a_packet_travels_alone() {
        let outgoing = Outgoing::default();
        let long = vec![7; PACKET_BYTES_MAX + 1];
        for event in [&b"one"[..], &long, b"two"] {
            assert!(outgoing.add(HERE, None, &[UserId(7)], event));
        }
        let lengths = outgoing.take().into_iter().map(|(_, packet)| Packet::decode(packet));
        let lengths: Vec<usize> = lengths.map(|packet| packet.unwrap().encode().len() / PACKET_BYTES_MAX).collect();
        assert_eq!(lengths, [0, 1, 0]);
    }

    #[test]
    fn packets_and_all_that_wait_are_bounded() {
        let outgoing = Outgoing::default();
        let event = vec![7; 100_000];
        let mut added = 0;
        while outgoing.add(HERE, None, &[UserId(7)], &event) {
            added += 1;
        }
        assert_eq!(added, WAITING_BYTES_MAX / (event.len() + 1));
        let packets = outgoing.take();
        assert!(packets.iter().all(|(_, packet)| packet.len() <= PACKET_BYTES_MAX));
        assert_eq!(packets.len(), added.div_ceil(2));
        assert!(outgoing.add(HERE, None, &[UserId(7)], &event), "there is room again");
    }
}
