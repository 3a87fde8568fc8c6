//! What a node may expect when it is alone.

use bytes::Bytes;
use skein_proto::id::UserId;

use super::World;
use crate::{BusMessage, BusState, CallError, Present, Whom, nats::NodeRole};

const ANN: UserId = UserId(7);

/// The sessions of the node that publishes get everything, in order.
pub async fn messages_arrive_in_order(world: World) {
    let mut node = world.node().await;
    for number in 1..=1_000 {
        node.publish(&[ANN, UserId(8)], number).await;
    }
    for number in 1..=1_000 {
        assert_eq!(node.next_event().await, (vec![ANN, UserId(8)], number));
    }
}

/// Which devices are connected is asked of the sessions.
pub async fn devices_of_this_node_are_known(world: World) {
    let node = world.node().await;
    assert!(node.bus.online_devices(ANN).await.is_empty());
    node.hold(ANN, "phone");
    node.hold(ANN, "web");
    assert_eq!(node.bus.online_devices(ANN).await.len(), 2);
    node.release(ANN);
    assert!(node.bus.online_devices(ANN).await.is_empty());
}

/// A signal is handed to whoever is connected, and it is said to how many.
pub async fn signals_are_handed_and_counted(world: World) {
    let node = world.node().await;
    assert_eq!(node.hand(&[ANN], "typing", None, None).await, 0);
    for device in ["phone", "web"] {
        node.hold(ANN, device);
    }
    assert_eq!(node.hand(&[ANN, UserId(8)], "typing", None, Some("phone")).await, 1);
    assert_eq!(node.handed(), [(ANN, "web".into(), "typing".to_owned())]);
    assert_eq!(node.hand(&[ANN], "command", Some("phone"), None).await, 1);
    assert_eq!(node.handed(), [(ANN, "phone".into(), "command".to_owned())]);
}

/// Who is there is asked of the sessions; that somebody's presence may have changed comes back to them.
pub async fn presence_of_this_node_is_known(world: World) {
    let mut node = world.node().await;
    node.hold(ANN, "phone");
    let present = node.bus.list_present(&[ANN, UserId(8)]).await;
    assert_eq!(present, [Present { user: ANN, platforms: vec![1] }]);
    let whom = Whom::Users([ANN].into());
    node.bus.publish(BusMessage::Stirred(whom.clone())).await;
    while node.next_stirred().await != whom {}
}

/// A call without anybody to answer fails at once, and says that it was not made.
pub async fn without_a_service_node_nobody_answers(world: World) {
    let node = world.node_with(NodeRole { serves: false, delivers: true }).await;
    while node.bus.state() != BusState::Connected {
        tokio::task::yield_now().await;
    }
    for key in [None, Some(7)] {
        assert_eq!(node.bus.call(key, Bytes::new()).await, Err(CallError::Nobody));
    }
}
