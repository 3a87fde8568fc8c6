//! NATS goes and comes back: nothing waits for it, and whoever may have missed something is told to pull.

use std::time::{Duration, Instant};

use skein_bus::{
    BusMessage, BusState, CallError, Whom,
    conformance::{TestNode, World},
};
use skein_proto::{id::UserId, v1::CloseCode};
use skein_testkit::nats::NatsServer;

use crate::join;

const ANN: UserId = UserId(7);
const PATIENCE: Duration = Duration::from_secs(30);

async fn until(node: &TestNode, state: BusState) {
    let waiting = async {
        while node.bus.state() != state {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the state changes");
}

/// Takes messages until one is what is waited for.
async fn wait_for(node: &mut TestNode, wanted: impl Fn(&BusMessage) -> bool) {
    let waiting = async {
        loop {
            let message = node.deliveries.recv().await.expect("the bus lives");
            if wanted(&message) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes");
}

#[tokio::test]
async fn a_node_starts_without_nats_and_joins_later() {
    let mut server = NatsServer::start();
    server.kill();
    let world = World::new(join(&server));
    let mut early = world.node().await;
    assert_eq!(early.bus.state(), BusState::Disconnected);
    early.publish(&[ANN], 1).await;
    assert_eq!(early.next_event().await.1, 1, "its own sessions are served");
    early.hold(ANN, "phone");
    server.restart();
    let late = world.node().await;
    late.knows(ANN, "phone").await;
    late.publish(&[ANN], 2).await;
    assert_eq!(early.next_event().await, (vec![ANN], 2));
}

#[tokio::test]
async fn without_nats_publishing_does_not_wait_and_calls_fail_at_once() {
    let mut server = NatsServer::start();
    let [mut a, b]: [_; 2] = World::new(join(&server)).nodes().await;
    b.hold(ANN, "phone");
    a.knows(ANN, "phone").await;
    server.kill();
    until(&a, BusState::Disconnected).await;
    let start = Instant::now();
    for number in 0..10_000 {
        a.publish(&[ANN], number).await;
        assert_eq!(a.next_event().await.1, number);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(a.bus.call(Some(7), bytes::Bytes::new()).await, Err(CallError::Nobody));
    assert!(a.bus.online_devices(ANN).await.is_empty());
}

#[tokio::test]
async fn after_an_outage_everybody_pulls_and_closed_links_stay_closed() {
    let mut server = NatsServer::start();
    let [a, mut b]: [_; 2] = World::new(join(&server)).nodes().await;
    b.hold(ANN, "phone");
    a.knows(ANN, "phone").await;
    server.kill();
    until(&a, BusState::Disconnected).await;
    let code = CloseCode::TokenRevoked;
    a.bus.publish(BusMessage::CloseLinks { user: ANN, device_id: None, generation_max: 5, code }).await;
    a.publish(&[ANN], 1).await;
    server.restart();
    let (mut all, mut closed) = (false, false);
    let waiting = async {
        while !(all && closed) {
            match b.deliveries.recv().await.expect("the bus lives") {
                BusMessage::Lagging(Whom::All) => all = true,
                BusMessage::CloseLinks { user: ANN, generation_max: 5, .. } => closed = true,
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("both come");
    a.knows(ANN, "phone").await;
    a.publish(&[ANN], 2).await;
    wait_for(&mut b, |message| matches!(message, BusMessage::Deliver { users, .. } if **users == [ANN])).await;
}

#[tokio::test]
async fn a_server_that_hangs_delays_nobody_for_long() {
    let server = NatsServer::start();
    let [mut a, b]: [_; 2] = World::new(join(&server)).nodes().await;
    b.hold(ANN, "phone");
    a.knows(ANN, "phone").await;
    server.pause(true);
    // More than all buffers between us hold.
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    let blob = "x".repeat(30_000);
    for _ in 0..10_000 {
        let event = skein_proto::v1::TimelineEvent { conversation_id: blob.clone(), ..Default::default() };
        let event = std::sync::Arc::new(skein_proto::event::EncodedEvent::new(event));
        let before = Instant::now();
        a.bus.publish(BusMessage::Deliver { users: [ANN].into(), event, skip_device: None }).await;
        slowest = slowest.max(before.elapsed());
        a.settle();
        if start.elapsed() > Duration::from_secs(8) {
            break;
        }
    }
    server.pause(false);
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

#[tokio::test]
async fn a_room_is_heard_again_after_an_outage() {
    let mut server = NatsServer::start();
    let [a, mut b]: [_; 2] = World::new(join(&server)).nodes().await;
    let room: std::sync::Arc<str> = "room".into();
    b.bus.subscribe_room(&room).await;
    server.kill();
    until(&a, BusState::Disconnected).await;
    until(&b, BusState::Disconnected).await;
    a.bus.publish_room(&room, bytes::Bytes::from_static(b"lost")).await;
    server.restart();
    until(&a, BusState::Connected).await;
    until(&b, BusState::Connected).await;
    let waiting = async {
        loop {
            // Until the subscription is in force again.
            a.bus.publish_room(&room, bytes::Bytes::from_static(b"heard")).await;
            let heard = tokio::time::timeout(Duration::from_millis(200), b.deliveries.recv()).await;
            if let Ok(Some(BusMessage::Room { packet, .. })) = heard
                && packet == "heard"
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes");
}
