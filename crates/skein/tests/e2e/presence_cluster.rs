//! Presence over three nodes and one without a database: seen everywhere, and right also when a node is killed.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    admin::{KEY, KEYS},
    cluster::{ThreeNodes, until},
    http::{PATIENCE, call, register},
    link::Link,
    presence::{look, state, until_seen, watch},
    rooms::number,
};

#[test]
fn whoever_was_on_a_node_that_is_killed_is_shown_as_gone_elsewhere() {
    let grace = [("SKEIN__ACCESS__PRESENCE_GRACE_MS", "2000")];
    let ThreeNodes { nats: _nats, database: _database, access, mut nodes } = ThreeNodes::start(&grace, &[KEYS]);
    let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| register(&nodes[0], name));
    let (mut a, mut d) = (Link::connect(&nodes[0], &ann), Link::connect(&access, &dan));
    for link in [&mut a, &mut d] {
        for user in [&bob, &cid] {
            watch(link, user);
        }
    }
    let (_b, _c) = (Link::connect(&nodes[1], &bob), Link::connect(&nodes[2], &cid));
    for link in [&mut a, &mut d] {
        until_seen(link, &bob.user_id, "ONLINE");
    }
    until("cid on every node", || {
        [(&nodes[0], &ann), (&nodes[1], &bob), (&access, &dan)]
            .into_iter()
            .all(|(server, account)| state(&look(server, account, &cid)) == "ONLINE")
    });
    call(&nodes[1], &bob.access, "PresenceService/SetPresence", json!({"state": "PRESENCE_STATE_AWAY"}));
    for link in [&mut a, &mut d] {
        until_seen(link, &bob.user_id, "AWAY");
    }
    // Dan is on a node without a database, and is seen like everybody.
    until("dan", || state(&look(&nodes[2], &cid, &dan)) == "ONLINE");
    nodes[2].kill();
    for link in [&mut a, &mut d] {
        until_seen(link, &cid.user_id, "OFFLINE");
    }
    assert_eq!(state(&look(&access, &dan, &bob)), "AWAY");
    // Silent for long enough, the node's people are counted until its last word, and last seen then.
    let start = Instant::now();
    while number(&look(&nodes[0], &ann, &cid)["lastSeenMs"]) == 0 {
        assert!(start.elapsed() < 5 * PATIENCE, "the node that was killed is never taken for dead");
        std::thread::sleep(Duration::from_millis(200));
    }
    // Nodes tell in batches who is there.
    until("all four being counted", || {
        let active = call(&nodes[1], KEY, "AdminService/ListOnlineTime", json!({"userIds": [cid.user_id]}));
        number(&active["totals"][0]["activeUsers"]) == 4
    });
}
