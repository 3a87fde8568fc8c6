//! A replica against what its node really holds, over a link that loses, and the rules one by one.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const A: NodeId = NodeId(0xaaaa);
const DUTIES: Duties = Duties { serves: false, delivers: true };

fn users(numbers: &[u64]) -> Vec<UserId> {
    numbers.iter().copied().map(UserId).collect()
}

fn beat(boot: u64, sequence: u64, online: &[u64], offline: &[u64]) -> Beat {
    Beat {
        node: A,
        boot,
        sequence,
        duties: DUTIES,
        leaving: false,
        deaf_ms: 0,
        online: users(online),
        offline: users(offline),
    }
}

fn snapshot(sequence: u64, part: u64, is_last: bool, numbers: &[u64]) -> Snapshot {
    Snapshot { node: A, boot: 1, sequence, part, is_last, users: users(numbers) }
}

fn held(directory: &Directory) -> Vec<u64> {
    let mut all: Vec<u64> = directory.users.keys().map(|user| user.0).collect();
    all.sort_unstable();
    all
}

#[test]
fn changes_in_order_need_no_question() {
    let mut directory = Directory::new(true);
    assert_eq!(directory.hear(&beat(1, 0, &[], &[]), 0, 0), Heard::default());
    let heard = directory.hear(&beat(1, 1, &[7, 8], &[]), 10_000, 10_000);
    assert_eq!((heard.ask, heard.appeared, heard.since_ms), (false, users(&[7, 8]), 0), "it was silent since 0");
    let heard = directory.hear(&beat(1, 2, &[9], &[7]), 10_020, 10_020);
    assert_eq!((heard.ask, heard.since_ms), (false, 10_000 - BLIND_MS));
    assert_eq!(held(&directory), [8, 9]);
    assert_eq!(directory.hear(&beat(1, 2, &[], &[]), 11_000, 11_000).appeared, []);
    assert_eq!(directory.route(&users(&[7, 8, 9])), [(A, users(&[8, 9]))]);
}

#[test]
fn a_gap_is_asked_about_and_the_answer_replaces_all() {
    let mut directory = Directory::new(true);
    directory.hear(&beat(1, 0, &[], &[]), 0, 0);
    directory.hear(&beat(1, 1, &[1, 2], &[]), 0, 0);
    let heard = directory.hear(&beat(1, 3, &[4], &[]), 20_000, 20_000);
    assert!(heard.ask);
    assert!(!directory.hear(&beat(1, 3, &[], &[]), 20_500, 20_500).ask, "not twice within a second");
    assert!(directory.hear(&beat(1, 3, &[], &[]), 21_100, 21_100).ask, "but again later");
    assert_eq!(directory.learn(snapshot(3, 0, false, &[2, 3]), 21_200), Heard::default());
    let heard = directory.learn(snapshot(3, 1, true, &[4]), 21_200);
    assert_eq!((heard.appeared, heard.whole, heard.since_ms), (users(&[3]), true, 20_000 - BLIND_MS));
    assert_eq!(held(&directory), [2, 3, 4]);
    assert!(!directory.hear(&beat(1, 4, &[5], &[2]), 21_300, 21_300).ask);
    assert_eq!(held(&directory), [3, 4, 5]);
}

#[test]
fn an_answer_that_was_overtaken_is_asked_again() {
    let mut directory = Directory::new(true);
    assert!(directory.hear(&beat(1, 5, &[], &[]), 0, 0).ask, "a node with a past");
    directory.hear(&beat(1, 6, &[60], &[]), 100, 100);
    assert!(!directory.learn(snapshot(5, 0, true, &[50]), 200).whole);
    assert!(directory.hear(&beat(1, 6, &[], &[]), 1_100, 1_100).ask);
    assert!(directory.learn(snapshot(6, 0, true, &[50, 60]), 1_200).whole);
    assert_eq!(held(&directory), [50, 60]);
}

#[test]
fn parts_out_of_order_are_no_answer() {
    let mut directory = Directory::new(true);
    directory.hear(&beat(1, 5, &[], &[]), 0, 0);
    directory.learn(snapshot(5, 0, false, &[1]), 0);
    assert!(!directory.learn(snapshot(5, 2, true, &[3]), 0).whole);
    assert!(!directory.learn(snapshot(5, 1, true, &[2]), 0).whole);
    assert!(held(&directory).is_empty());
}

#[test]
fn silence_and_a_newer_start_forget_a_node() {
    let mut directory = Directory::new(true);
    directory.hear(&beat(1, 0, &[], &[]), 0, 0);
    directory.hear(&beat(1, 1, &[1], &[]), 0, 0);
    assert!(directory.sweep(SILENCE_MAX_MS).is_empty());
    let silent: Vec<NodeId> = directory.sweep(SILENCE_MAX_MS + 1).into_iter().map(|(node, _)| node).collect();
    assert_eq!(silent, [A]);
    assert!(held(&directory).is_empty());
    // It was only cut off: what was published since it was last heard may have missed its users.
    let heard = directory.hear(&beat(1, 1, &[], &[]), 60_000, 60_000);
    assert!(heard.ask);
    assert_eq!(directory.learn(snapshot(1, 0, true, &[1]), 60_010).since_ms, 0);
    directory.hear(&beat(2, 0, &[], &[]), 61_000, 61_000);
    assert!(held(&directory).is_empty(), "a newer start holds nobody yet");
    directory.hear(&beat(1, 2, &[3], &[]), 61_000, 61_000);
    assert!(held(&directory).is_empty(), "an older start is not heard");
    directory.hear(&Beat { leaving: true, ..beat(2, 0, &[], &[]) }, 61_000, 61_000);
    assert_eq!(directory.size(), (0, 0));
}

#[test]
fn a_user_may_be_on_many_nodes() {
    let mut directory = Directory::new(true);
    let on = |node, sequence, online: &[u64], offline: &[u64]| Beat {
        node: NodeId(node),
        ..beat(1, sequence, online, offline)
    };
    for node in 0..10 {
        directory.hear(&on(node, 0, &[], &[]), 0, 0);
        directory.hear(&on(node, 1, &[7], &[]), 0, 0);
    }
    assert_eq!(directory.nodes_of(UserId(7)).len(), 10);
    for node in 0..10 {
        assert_eq!(directory.nodes_of(UserId(7)).len() as u64, 10 - node);
        directory.hear(&on(node, 2, &[], &[7]), 0, 0);
    }
    assert!(directory.users.is_empty() && directory.further.is_empty());
}

#[test]
fn calls_of_a_user_stay_with_their_node() {
    let mut directory = Directory::new(false);
    assert_eq!(directory.server_for(1), None);
    for node in 1..=3 {
        let duties = Duties { serves: true, delivers: false };
        directory.hear(&Beat { node: NodeId(node), duties, ..beat(1, 0, &[], &[]) }, 0, 0);
    }
    let chosen: Vec<_> = (0..300).map(|key| directory.server_for(key).unwrap()).collect();
    for node in 1..=3 {
        let share = chosen.iter().filter(|chosen| chosen.0 == node).count();
        assert!((50..150).contains(&share), "{share}");
    }
    directory.forget(NodeId(2));
    for (user, before) in chosen.iter().enumerate().filter(|(_, node)| node.0 != 2) {
        assert_eq!(directory.server_for(user as u64), Some(*before), "others stay");
    }
}

#[test]
fn a_user_costs_little_memory() {
    assert!(size_of::<(UserId, [u16; NEAR])>() <= 16);
}

proptest! {
    /// Whatever is lost, doubled or overtaken: after the next beat and an answer the replica is what the node holds.
    #[test]
    fn a_replica_converges(
        steps in prop::collection::vec((0_u64..20, any::<bool>(), 0..10_u8), 1..80),
    ) {
        let (mut directory, mut truth, mut sequence, mut now_ms) = (Directory::new(true), HashSet::new(), 0, 0);
        let mut late: Vec<Snapshot> = Vec::new();
        for (user, online, luck) in steps {
            now_ms += 300;
            sequence += 1;
            let change = if online { beat(1, sequence, &[user], &[]) } else { beat(1, sequence, &[], &[user]) };
            if online { truth.insert(user) } else { truth.remove(&user) };
            if luck == 0 {
                continue;
            }
            let asked = directory.hear(&change, now_ms, now_ms).ask;
            if luck == 1 {
                directory.hear(&change, now_ms, now_ms);
            }
            if asked {
                let all: Vec<u64> = truth.iter().copied().collect();
                late.push(snapshot(sequence, 0, true, &all));
            }
            if luck > 4 {
                late.drain(..).for_each(|answer| { directory.learn(answer, now_ms); });
            }
        }
        for _ in 0..3 {
            now_ms += ASK_AGAIN_MS;
            if directory.hear(&beat(1, sequence, &[], &[]), now_ms, now_ms).ask {
                let all: Vec<u64> = truth.iter().copied().collect();
                directory.learn(snapshot(sequence, 0, true, &all), now_ms);
            }
        }
        let mut expected: Vec<u64> = truth.into_iter().collect();
        expected.sort_unstable();
        prop_assert_eq!(held(&directory), expected);
    }
}
