//! What live rooms may expect: packets come in order, to the nodes that listen and to no others.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use skein_proto::id::UserId;

use super::{TestNode, World};
use crate::{BusMessage, Place, nats::NodeRole};

const ANN: UserId = UserId(7);
/// Dots and colons, which mean something elsewhere.
const ROOM: &str = "a..room.:1";

fn packet(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_le_bytes())
}

/// The next message must be this packet.
async fn expect(node: &mut TestNode, number: u32) {
    match node.next().await {
        BusMessage::Room { room, packet: bytes } => assert_eq!((&*room, bytes), (ROOM, packet(number))),
        other => panic!("{other:?}"),
    }
}

/// The node that publishes hears itself, in order, while it listens.
pub async fn packets_come_in_order_while_a_node_listens(world: World) {
    let mut node = world.node().await;
    let room: Arc<str> = ROOM.into();
    node.bus.publish_room(ROOM, packet(0)).await;
    node.bus.subscribe_room(&room).await;
    node.bus.subscribe_room(&room).await;
    for number in 1..=500 {
        node.bus.publish_room(ROOM, packet(number)).await;
        node.bus.publish_room("another", packet(number)).await;
    }
    for number in 1..=500 {
        expect(&mut node, number).await;
    }
    node.bus.unsubscribe_room(ROOM);
    node.bus.publish_room(ROOM, packet(501)).await;
    node.publish(&[ANN], 1).await;
    assert_eq!(node.next_event().await.1, 1, "nothing came after the end");
}

/// Others that listen hear the same, each packet once.
pub async fn packets_reach_the_nodes_that_listen(world: World) {
    let [mut a, mut b, mut c] = world.nodes().await;
    let room: Arc<str> = ROOM.into();
    for node in [&a, &b] {
        node.bus.subscribe_room(&room).await;
    }
    c.hold(ANN, "phone");
    a.knows(ANN, "phone").await;
    for number in 0..500 {
        a.bus.publish_room(ROOM, packet(number)).await;
    }
    a.publish(&[ANN], 1).await;
    for node in [&mut a, &mut b] {
        for number in 0..500 {
            expect(node, number).await;
        }
    }
    assert_eq!(c.next_event().await.1, 1, "who does not listen hears nothing");
    c.bus.subscribe_room(&room).await;
    // What it says next travels behind its subscription.
    c.bus.publish(BusMessage::Notice(packet(0))).await;
    for node in [&mut a, &mut b] {
        while !matches!(node.next().await, BusMessage::Notice(_)) {}
    }
    b.bus.unsubscribe_room(ROOM);
    a.settle();
    b.publish(&[UserId(1)], 2).await;
    assert_eq!(b.next_event().await.1, 2);
    a.bus.publish_room(ROOM, packet(500)).await;
    expect(&mut c, 500).await;
}

/// Each key has one place, and all nodes know the same one.
pub async fn keys_have_one_place(world: World) {
    let nodes: [TestNode; 3] = world.nodes().await;
    let access = world.node_with(NodeRole { serves: false, delivers: true }).await;
    let agree = || {
        let mut chosen = HashSet::new();
        let all = (0..64).all(|key| {
            let here = nodes.iter().filter(|node| node.bus.place(key) == Place::Here).count();
            let there = nodes.iter().chain([&access]).filter_map(|node| match node.bus.place(key) {
                Place::There(place) => Some(place),
                Place::Here | Place::Nowhere => None,
            });
            let there: Vec<u64> = there.collect();
            chosen.extend(there.first().copied());
            here == 1 && there.len() == 3 && there.iter().all(|place| *place == there[0])
        });
        all && chosen.len() == 3
    };
    let waiting = async {
        while !agree() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the nodes agree, and each has some keys");
}
