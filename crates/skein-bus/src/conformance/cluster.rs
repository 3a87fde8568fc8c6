//! What nodes may expect of one another.

use std::sync::Arc;

use bytes::Bytes;
use skein_proto::{id::UserId, v1::CloseCode};

use super::World;
use crate::{BusMessage, Present, Whom, nats::NodeRole};

const ANN: UserId = UserId(7);
const BOB: UserId = UserId(8);

/// Each node gets what concerns its users, and nothing else.
pub async fn a_message_goes_where_its_receivers_are(world: World) {
    let [a, mut b, mut c] = world.nodes().await;
    b.hold(ANN, "phone");
    c.hold(BOB, "phone");
    a.knows(ANN, "phone").await;
    a.knows(BOB, "phone").await;
    a.publish(&[ANN, UserId(9)], 1).await;
    a.publish(&[ANN, BOB], 2).await;
    assert_eq!(b.next_event().await, (vec![ANN], 1));
    assert_eq!(b.next_event().await, (vec![ANN], 2));
    assert_eq!(c.next_event().await, (vec![BOB], 2));
}

/// However many receivers a node holds, it gets one message.
pub async fn each_node_gets_one_copy(world: World) {
    let [a, mut b, _c] = world.nodes().await;
    let users: Vec<UserId> = (1_000..2_000).map(UserId).collect();
    users.iter().for_each(|user| b.hold(*user, "phone"));
    for user in &users {
        a.knows(*user, "phone").await;
    }
    a.publish(&users, 1).await;
    a.publish(&users, 2).await;
    for number in 1..=2 {
        assert_eq!(b.next_event().await, (users.clone(), number));
    }
}

/// Devices of one user may be on several nodes.
pub async fn a_user_on_two_nodes_gets_two(world: World) {
    let [a, mut b, mut c] = world.nodes().await;
    b.hold(ANN, "phone");
    c.hold(ANN, "web");
    a.knows(ANN, "phone").await;
    a.knows(ANN, "web").await;
    a.publish(&[ANN], 1).await;
    assert_eq!(b.next_event().await, (vec![ANN], 1));
    assert_eq!(c.next_event().await, (vec![ANN], 1));
}

/// As on one node.
pub async fn messages_to_another_node_arrive_in_order(world: World) {
    let [a, mut b] = world.nodes().await;
    b.hold(ANN, "phone");
    a.knows(ANN, "phone").await;
    for number in 1..=1_000 {
        a.publish(&[ANN], number).await;
    }
    for number in 1..=1_000 {
        assert_eq!(b.next_event().await.1, number);
    }
}

/// A user whose last session is over is not sent for any more.
pub async fn who_left_gets_nothing(world: World) {
    let [a, mut b] = world.nodes().await;
    b.hold(ANN, "phone");
    b.hold(BOB, "phone");
    a.knows(ANN, "phone").await;
    a.knows(BOB, "phone").await;
    b.release(ANN);
    // The same beat or a later one.
    b.hold(UserId(9), "phone");
    a.knows(UserId(9), "phone").await;
    a.forgets(ANN).await;
    a.publish(&[ANN, BOB], 1).await;
    assert_eq!(b.next_event().await, (vec![BOB], 1));
}

/// A node that comes late asks for what it missed, however much it is.
pub async fn a_late_node_learns_who_is_where(world: World) {
    let [_a, mut b] = world.nodes().await;
    let users: Vec<UserId> = (1..100_000).map(|number| UserId(number * 3)).collect();
    users.iter().for_each(|user| b.hold(*user, "phone"));
    let late = world.node().await;
    late.knows(users[0], "phone").await;
    late.knows(users[users.len() - 1], "phone").await;
    b.settle();
    late.publish(&users[..50_000], 1).await;
    let mut received = Vec::new();
    while received.len() < 50_000 {
        let (part, number) = b.next_event().await;
        assert_eq!(number, 1);
        received.extend(part);
    }
    assert_eq!(received, users[..50_000]);
}

/// What was published just before a node was known to hold its receiver is made up for by a hint.
pub async fn who_appears_is_told_to_pull(world: World) {
    let [a, mut b] = world.nodes().await;
    a.publish(&[ANN], 1).await;
    b.hold(BOB, "phone");
    b.hold(ANN, "phone");
    match b.next().await {
        BusMessage::Lagging(Whom::Users(users)) => assert_eq!(*users, [ANN]),
        other => panic!("{other:?}"),
    }
}

/// Orders to close do not depend on what is known about anybody's whereabouts.
pub async fn links_are_closed_everywhere(world: World) {
    let mut nodes: [_; 3] = world.nodes().await;
    let code = CloseCode::TokenRevoked;
    let close = BusMessage::CloseLinks { user: ANN, device_id: Some("phone".into()), generation_max: 3, code };
    nodes[0].bus.publish(close).await;
    for node in &mut nodes {
        match node.next().await {
            BusMessage::CloseLinks { user, device_id, generation_max, code } => {
                let expected = (ANN, Some("phone"), 3, CloseCode::TokenRevoked);
                assert_eq!((user, device_id.as_deref(), generation_max, code), expected);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The id of a session says which node made it.
pub async fn a_session_ends_on_the_node_that_made_it(world: World) {
    let [a, mut b, mut c] = world.nodes().await;
    let mut id = [9; 16];
    id[..4].copy_from_slice(&b.bus.tag().expect("nodes of a cluster have tags"));
    a.bus.publish(BusMessage::EndSession { user: ANN, device_id: "phone".into(), session_id: id }).await;
    match b.next().await {
        BusMessage::EndSession { user, device_id, session_id } => {
            assert_eq!((user, &*device_id, session_id), (ANN, "phone", id));
        }
        other => panic!("{other:?}"),
    }
    c.hold(BOB, "phone");
    a.knows(BOB, "phone").await;
    a.publish(&[BOB], 5).await;
    assert_eq!(c.next_event().await.1, 5, "others are not told");
}

/// Which devices are connected is asked of all nodes that hold the user.
pub async fn devices_are_known_across_nodes(world: World) {
    let [a, b, c] = world.nodes().await;
    a.hold(ANN, "desk");
    b.hold(ANN, "phone");
    c.hold(ANN, "web");
    for node in [&a, &b, &c] {
        for device in ["desk", "phone", "web"] {
            node.knows(ANN, device).await;
        }
    }
    b.release(ANN);
    c.release(ANN);
    let only: Vec<Arc<str>> = vec!["desk".into()];
    assert_eq!(a.bus.online_devices(ANN).await, only);
}

/// A goodbye is believed at once.
pub async fn a_node_that_leaves_is_forgotten(world: World) {
    let [a, b] = world.nodes().await;
    b.hold(ANN, "phone");
    a.knows(ANN, "phone").await;
    b.bus.close().await;
    a.forgets(ANN).await;
}

/// An access node asks, a service node answers.
pub async fn calls_are_answered(world: World) {
    let access = world.node_with(NodeRole { serves: false, delivers: true }).await;
    let mut service = world.node_with(NodeRole { serves: true, delivers: false }).await;
    let answering = tokio::spawn(async move {
        while let Some(call) = service.calls.recv().await {
            let mut answer = b"re: ".to_vec();
            answer.extend_from_slice(&call.request);
            let _ = call.reply.send(answer.into());
        }
    });
    // Until they have met there is nobody.
    for key in [None, Some(7)] {
        let asking = async {
            loop {
                if let Ok(answer) = access.bus.call(key, Bytes::from_static(b"hello")).await {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        let answer = tokio::time::timeout(std::time::Duration::from_secs(20), asking).await;
        assert_eq!(answer.expect("an answer comes"), "re: hello");
    }
    answering.abort();
}

/// Calls with one key that overlap reach one service node, in the order in which they were made.
pub async fn calls_of_a_user_keep_their_order(world: World) {
    let [mut a, mut b] = world.nodes().await;
    let access = world.node_with(NodeRole { serves: false, delivers: true }).await;
    let (bus, taken) = (access.bus.clone(), tokio::sync::mpsc::channel::<(u8, u32)>(10_000));
    let (report, mut taken) = taken;
    for (name, node) in [(0_u8, &mut a), (1, &mut b)] {
        let mut calls = std::mem::replace(&mut node.calls, tokio::sync::mpsc::channel(1).1);
        let report = report.clone();
        tokio::spawn(async move {
            while let Some(call) = calls.recv().await {
                let number = call.request.as_ref().try_into().map(u32::from_le_bytes).unwrap_or(u32::MAX);
                let _ = report.send((name, number)).await;
                let _ = call.reply.send(call.request);
            }
        });
    }
    // The access node has to have heard of both.
    while bus.call(None, Bytes::from_static(b"?")).await.is_err() {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    while taken.try_recv().is_ok() {}
    let asking = (0..500_u32).map(|number| bus.call(Some(7), Bytes::copy_from_slice(&number.to_le_bytes())));
    let answers = futures::future::join_all(asking).await;
    assert!(answers.iter().all(Result::is_ok));
    let mut seen = Vec::new();
    while let Ok(call) = taken.try_recv() {
        seen.push(call);
    }
    assert_eq!(seen.iter().map(|(_, number)| *number).collect::<Vec<_>>(), (0..500).collect::<Vec<_>>());
    assert!(seen.iter().all(|(name, _)| *name == seen[0].0), "one node for one user");
}

/// A hint for users goes where they are.
pub async fn hints_reach_other_nodes(world: World) {
    let [a, mut b] = world.nodes().await;
    b.hold(ANN, "phone");
    a.knows(ANN, "phone").await;
    a.bus.publish(BusMessage::Lagging(Whom::Users([ANN, BOB].into()))).await;
    match b.next().await {
        BusMessage::Lagging(Whom::Users(users)) => assert_eq!(*users, [ANN]),
        other => panic!("{other:?}"),
    }
}

/// A signal goes to the nodes that hold its receivers; the count is that of all nodes.
pub async fn signals_reach_other_nodes(world: World) {
    let [a, b, c] = world.nodes().await;
    a.hold(ANN, "web");
    b.hold(ANN, "phone");
    c.hold(BOB, "phone");
    a.knows(ANN, "phone").await;
    a.knows(BOB, "phone").await;
    assert_eq!(a.hand(&[ANN, BOB, UserId(9)], "typing", None, None).await, 3);
    assert_eq!(a.handed(), [(ANN, "web".into(), "typing".to_owned())]);
    assert_eq!(b.handed(), [(ANN, "phone".into(), "typing".to_owned())]);
    assert_eq!(c.handed(), [(BOB, "phone".into(), "typing".to_owned())]);
    assert_eq!(a.hand(&[ANN], "command", Some("phone"), None).await, 1);
    assert_eq!((a.handed().len(), b.handed().len(), c.handed().len()), (0, 1, 0));
}

/// A service node is called by its number.
pub async fn a_node_is_called_by_its_number(world: World) {
    let [a, mut b, mut c] = world.nodes().await;
    for (node, number) in [(&mut b, 1_u8), (&mut c, 2)] {
        let asked = a.bus.call_node(node.bus.number(), Bytes::from(vec![number]));
        let answers = async {
            let call = node.calls.recv().await.expect("the bus lives");
            let _ = call.reply.send(call.request);
        };
        let (answer, ()) = tokio::join!(asked, answers);
        assert_eq!(answer, Ok(Bytes::from(vec![number])));
    }
    assert_eq!(a.bus.call_node(7, Bytes::new()).await, Err(crate::CallError::Nobody));
}

/// A notice goes to every other access layer, and not to the own one.
pub async fn notices_reach_the_others(world: World) {
    let [mut a, mut b, mut c] = world.nodes().await;
    let notice = Bytes::from_static(b"a notice");
    a.bus.publish(BusMessage::Notice(notice.clone())).await;
    for node in [&mut b, &mut c] {
        match node.next().await {
            BusMessage::Notice(heard) => assert_eq!(heard, notice),
            other => panic!("{other:?}"),
        }
    }
    // Were it told too, it would have been before this.
    a.hold(ANN, "phone");
    a.publish(&[ANN], 1).await;
    assert_eq!(a.next_event().await, (vec![ANN], 1));
}

/// Who is there is asked of every node that holds some of them; each node with sessions learns whose presence may have changed.
pub async fn presence_is_known_across_nodes(world: World) {
    let [mut a, mut b, c] = world.nodes().await;
    b.hold(ANN, "phone");
    c.hold(ANN, "web");
    c.hold(ANN, "pad");
    a.knows(ANN, "phone").await;
    a.knows(ANN, "web").await;
    let present = a.bus.list_present(&[BOB, ANN]).await;
    assert_eq!(present, [Present { user: ANN, platforms: vec![1, 2] }], "those of all nodes, each once");
    let whom = Whom::Users([ANN, BOB].into());
    c.bus.publish(BusMessage::Stirred(whom.clone())).await;
    for node in [&mut a, &mut b] {
        while node.next_stirred().await != whom {}
    }
    a.settle();
    c.bus.close().await;
    while a.next_stirred().await != Whom::All {}
    assert_eq!(a.bus.list_present(&[ANN]).await, [Present { user: ANN, platforms: vec![1] }]);
}
