//! What people show, to whom, and when they were here.

use skein_proto::{
    id::{ConversationId, UserId},
    v1::PresenceState,
};

use super::{
    World,
    world::{START_MS, done},
};
use crate::presence::{
    ChosenPresence, Days, LAST_SEEN_SETTING, OnlineMove, RecordOnline, SeenPresence, VISIBLE_SETTING,
};

const HOUR_MS: u64 = 3_600_000;

fn chosen(state: PresenceState) -> ChosenPresence {
    ChosenPresence { state, text: "at lunch".to_owned(), until_ms: 0 }
}

async fn seen(world: &World, watcher: UserId, user: UserId) -> SeenPresence {
    done(world.store.list_seen(&[(watcher, user)]).await).remove(0)
}

/// Tells of one move of a node that lives; whether the node was known.
async fn told(world: &World, node: u64, user: UserId, online: bool, time_ms: u64) -> bool {
    let moves = vec![OnlineMove { user, online, time_ms }];
    let (sequence, beat_ms) = (world.number(), Some(time_ms));
    done(world.store.record_online(RecordOnline { node, sequence, moves, beat_ms, day_offset_ms: 0 }).await)
}

/// What was chosen is kept; settings and blocks decide who sees it, in the order asked.
pub async fn what_is_seen_is_what_is_allowed(world: World) {
    let [ann, bob, eve] = world.users().await;
    let nothing = SeenPresence { visible: true, ..Default::default() };
    assert_eq!(seen(&world, ann, bob).await, nothing, "nothing was chosen");
    done(world.store.set_presence(bob, chosen(PresenceState::Busy), START_MS).await);
    told(&world, 1, bob, true, START_MS).await;
    told(&world, 1, bob, false, START_MS + 5).await;
    let open = SeenPresence { chosen: chosen(PresenceState::Busy), visible: true, last_seen_ms: START_MS + 5 };
    let pairs = [(ann, bob), (bob, bob), (ann, UserId(1)), (eve, bob)];
    let all = done(world.store.list_seen(&pairs).await);
    assert_eq!(all, [open.clone(), open.clone(), SeenPresence::default(), open.clone()]);

    world.send(ann, ConversationId::direct(ann, bob), "hello").await;
    done(world.store.put_setting(bob, VISIBLE_SETTING, "contacts").await);
    done(world.store.put_setting(bob, LAST_SEEN_SETTING, "nobody").await);
    let close = seen(&world, ann, bob).await;
    assert_eq!((close.visible, close.last_seen_ms), (true, 0), "they talk to each other");
    assert!(!seen(&world, eve, bob).await.visible);
    assert_eq!(seen(&world, bob, bob).await, open, "oneself sees everything");
    done(world.store.put_setting(bob, VISIBLE_SETTING, "").await);
    done(world.store.put_setting(bob, LAST_SEEN_SETTING, "everybody").await);
    done(world.store.set_blocked(bob, eve, true).await);
    assert_eq!((seen(&world, eve, bob).await, seen(&world, ann, bob).await), (SeenPresence::default(), open));
    done(world.store.set_blocked(bob, eve, false).await);
    assert!(seen(&world, eve, bob).await.visible);
}

/// Whoever is invisible was last seen when becoming it, wherever they went since.
pub async fn the_invisible_are_not_seen_leaving(world: World) {
    let [ann, bob] = world.users().await;
    told(&world, 1, bob, true, START_MS).await;
    done(world.store.set_presence(bob, chosen(PresenceState::Invisible), START_MS + 10).await);
    told(&world, 1, bob, false, START_MS + 20).await;
    assert_eq!(seen(&world, ann, bob).await.last_seen_ms, START_MS + 10);
    done(world.store.set_presence(bob, chosen(PresenceState::Online), START_MS + 30).await);
    told(&world, 1, bob, true, START_MS + 40).await;
    told(&world, 1, bob, false, START_MS + 50).await;
    assert_eq!(seen(&world, ann, bob).await.last_seen_ms, START_MS + 50);
}

/// Days begin where the deployment says, overlapping nodes count once, repeats count nothing.
pub async fn online_time_is_counted_by_day(world: World) {
    let [ann, bob] = world.users().await;
    let day = (START_MS / (24 * HOUR_MS)) as i64;
    let midnight = (day as u64 + 1) * 24 * HOUR_MS;
    assert!(!told(&world, 1, ann, true, midnight - HOUR_MS).await, "the node was not known");
    assert!(told(&world, 1, ann, true, midnight - HOUR_MS).await);
    told(&world, 2, ann, true, midnight - HOUR_MS / 2).await;
    told(&world, 1, ann, false, midnight + HOUR_MS).await;
    let days = Days { from: day, to: day + 1, offset_ms: 0 };
    let online = async |days| {
        let list = done(world.store.list_online_days(&[ann, bob], days).await);
        list.iter().map(|day| (day.user, day.day, day.online_ms)).collect::<Vec<_>>()
    };
    assert_eq!(online(days).await, [(ann, day, HOUR_MS), (ann, day + 1, HOUR_MS)], "one node still has her");
    for _ in 0..2 {
        told(&world, 2, ann, false, midnight + 2 * HOUR_MS).await;
    }
    assert_eq!(online(days).await, [(ann, day, HOUR_MS), (ann, day + 1, 2 * HOUR_MS)]);
    told(&world, 2, ann, true, midnight + 3 * HOUR_MS).await;
    told(&world, 2, ann, false, midnight + 4 * HOUR_MS).await;
    assert_eq!(online(Days { from: day + 1, ..days }).await, [(ann, day + 1, 3 * HOUR_MS)]);
    let list = done(world.store.list_online_days(&[ann], Days { from: day + 1, ..days }).await);
    assert_eq!((list[0].first_ms, list[0].last_ms), (midnight, midnight + 4 * HOUR_MS));
    told(&world, 2, bob, true, midnight + 4 * HOUR_MS).await;
    let active = done(world.store.count_active_users(Days { to: day + 2, ..days }).await);
    assert_eq!(active[..2], [(day, 1), (day + 1, 2)]);
}

/// A node that is silent had its people until its last word.
pub async fn silent_nodes_are_found_and_forgotten(world: World) {
    let [ann, bob] = world.users().await;
    for user in [ann, bob] {
        told(&world, 9, user, true, START_MS).await;
    }
    let record = RecordOnline { node: 9, sequence: 1 << 40, beat_ms: Some(START_MS + 70), ..Default::default() };
    assert!(done(world.store.record_online(record).await));
    assert!(done(world.store.list_silent_nodes(START_MS + 70).await).is_empty());
    assert_eq!(done(world.store.list_silent_nodes(START_MS + 71).await), [(9, START_MS + 70)]);
    let mut users = done(world.store.list_online_users(9, 10).await);
    users.sort_unstable();
    assert_eq!(users, [ann, bob]);
    assert_eq!(done(world.store.list_online_users(9, 1).await).len(), 1);
    let moves = users.into_iter().map(|user| OnlineMove { user, online: false, time_ms: START_MS + 70 }).collect();
    let record = RecordOnline { node: 9, moves, ..Default::default() };
    assert!(done(world.store.record_online(record).await));
    done(world.store.forget_node(9).await);
    assert!(done(world.store.list_silent_nodes(u64::MAX >> 1).await).is_empty());
    assert!(done(world.store.list_online_users(9, 10).await).is_empty());
    assert_eq!(seen(&world, ann, bob).await.last_seen_ms, START_MS + 70);
    assert!(!told(&world, 9, ann, true, START_MS + 100).await, "it has to tell again who is there");
}

/// An answer may be lost: the same report again, also one in which somebody came and went, changes nothing.
pub async fn a_report_counts_once(world: World) {
    let ann = world.user().await;
    let of = |online, time_ms| OnlineMove { user: ann, online, time_ms };
    let moves = vec![of(true, START_MS), of(false, START_MS + 50), of(true, START_MS + 60), of(false, START_MS + 90)];
    let record = RecordOnline { node: 3, sequence: 7, moves, beat_ms: Some(START_MS + 90), day_offset_ms: 0 };
    for _ in 0..3 {
        assert!(!done(world.store.record_online(record.clone()).await));
    }
    let day = (START_MS / (24 * HOUR_MS)) as i64;
    let days = done(world.store.list_online_days(&[ann], Days { from: day, to: day, offset_ms: 0 }).await);
    assert_eq!(days.iter().map(|day| day.online_ms).collect::<Vec<_>>(), [80]);
    let beat = RecordOnline { sequence: 8, moves: Vec::new(), ..record };
    assert!(done(world.store.record_online(beat).await));
}
