//! One room under a virtual clock.

use proptest::prelude::*;
use skein_proto::limits::ROOM_TICK_BYTES_MAX;

use super::*;
use crate::room::{
    pace::{TICK_MAX_MS, TICK_MIN_MS},
    packet::RoomPacket,
};

const START_MS: u64 = 1_000_000;

fn config() -> RoomConfig {
    RoomConfig::default()
}

/// A room that has asked who is there, and has taken over.
fn room() -> Room {
    let mut room = Room::new("lobby", START_MS - SETTLE_MS, 0);
    assert_eq!(room.poll_timeout(), Some(0));
    let asked = room.poll_packet(START_MS).map(|outgoing| RoomPacket::decode(outgoing.packet));
    assert_eq!(asked, Some(Some(RoomPacket::WhoIsThere)));
    room
}

fn text(text: &str) -> v1::RoomMessage {
    v1::RoomMessage { text: text.to_owned(), ..Default::default() }
}

/// The host application is not held to allowances.
fn say(room: &mut Room, now_ms: u64, message: v1::RoomMessage) -> u64 {
    room.handle_send(now_ms, &config(), None, String::new(), message).unwrap()
}

fn push(outgoing: Outgoing) -> v1::RoomPush {
    match RoomPacket::decode(outgoing.packet) {
        Some(RoomPacket::Tick { push, .. }) => *push,
        other => panic!("{other:?}"),
    }
}

fn report(room: &mut Room, now_ms: u64, node: u64, online: u64, likes: u64) {
    let report = RoomReport { room: "lobby".to_owned(), online, counters: vec![("likes".to_owned(), likes)] };
    room.handle_report(now_ms, node, &report);
}

#[test]
fn a_lone_message_leaves_at_once_and_the_next_ones_together() {
    let mut room = room();
    assert_eq!(room.poll_timeout(), None, "a quiet room needs no timer");
    assert_eq!(say(&mut room, START_MS, text("one")), 1);
    assert!(room.poll_timeout().unwrap() <= START_MS);
    let first = push(room.poll_packet(START_MS).unwrap());
    assert_eq!((first.first_offset, first.messages.len(), first.messages[0].offset), (1, 1, 1));
    say(&mut room, START_MS + 1, text("two"));
    say(&mut room, START_MS + 2, text("three"));
    assert_eq!(room.poll_timeout(), Some(START_MS + TICK_MIN_MS));
    assert!(room.poll_packet(START_MS + 3).is_none());
    let second = push(room.poll_packet(START_MS + TICK_MIN_MS).unwrap());
    assert_eq!((second.first_offset, second.messages.len()), (2, 2));
    assert_eq!((room.published(), room.poll_timeout()), (4, None));
}

#[test]
fn the_same_id_again_is_the_same_message() {
    let mut room = room();
    let mut send = |id: &str| room.handle_send(START_MS, &config(), Some(UserId(7)), id.to_owned(), text("x"));
    assert_eq!((send("a"), send("b"), send("a"), send("")), (Ok(1), Ok(2), Ok(1), Ok(3)));
    let other = room.handle_send(START_MS, &config(), Some(UserId(8)), "a".to_owned(), text("x"));
    assert_eq!(other, Ok(4), "ids are of one person");
}

#[test]
fn who_says_too_much_is_told_when_to_go_on() {
    let mut room = room();
    let mut send = |user, at| room.handle_send(at, &config(), Some(UserId(user)), String::new(), text("x"));
    for _ in 0..config().user_messages_burst {
        send(7, START_MS).unwrap();
    }
    assert_eq!(send(7, START_MS), Err(Refused::TooFast(100)));
    assert!(send(8, START_MS).is_ok() && send(7, START_MS + 100).is_ok());
    let counted = room.handle_count(START_MS, &config(), UserId(7), "likes", 200);
    assert_eq!(counted, Ok(()));
    assert_eq!(room.handle_count(START_MS, &config(), UserId(7), "likes", 1), Err(Refused::TooFast(5)));
}

#[test]
fn counts_are_told_as_values_and_not_each() {
    let mut room = room();
    report(&mut room, START_MS, 1, 10, 0);
    report(&mut room, START_MS, 2, 5, 0);
    for user in 0..100 {
        room.handle_count(START_MS, &config(), UserId(user), "likes", 3).unwrap();
    }
    let told = push(room.poll_packet(START_MS).unwrap());
    assert_eq!((told.online_count, told.counters[0].value, told.messages.len()), (Some(15), 300, 0));
    room.handle_count(START_MS + 1, &config(), UserId(1), "likes", 1).unwrap();
    assert_eq!(room.poll_timeout(), Some(START_MS + COUNTS_INTERVAL_MS));
    say(&mut room, START_MS + 50, text("a message does not wait for counts"));
    assert!(push(room.poll_packet(START_MS + 50).unwrap()).counters.is_empty());
    let told = push(room.poll_packet(START_MS + COUNTS_INTERVAL_MS).unwrap());
    assert_eq!((told.online_count, told.counters[0].value), (None, 301));
    // The second node falls silent.
    report(&mut room, START_MS + SILENCE_MAX_MS + 1, 1, 10, 301);
    room.handle_timeout(START_MS + SILENCE_MAX_MS + 1);
    assert_eq!(room.online(), 10);
}

#[test]
fn a_new_owner_says_nothing_about_counters_before_the_nodes_have() {
    let mut room = Room::new("lobby", START_MS, 0);
    room.poll_packet(START_MS).unwrap();
    room.handle_count(START_MS, &config(), UserId(7), "likes", 2).unwrap();
    assert!(room.poll_timeout().unwrap() >= START_MS + SETTLE_MS);
    say(&mut room, START_MS + 1, text("x"));
    assert!(push(room.poll_packet(START_MS + 1).unwrap()).counters.is_empty());
    report(&mut room, START_MS + 10, 1, 3, 1_000);
    let told = push(room.poll_packet(START_MS + SETTLE_MS).unwrap());
    assert_eq!((told.counters[0].value, told.online_count), (1_002, Some(3)));
}

#[test]
fn a_new_owner_lets_the_former_one_finish() {
    let mut room = Room::new("lobby", START_MS, 700);
    room.poll_packet(START_MS).unwrap();
    assert_eq!(say(&mut room, START_MS + 1, text("x")), 1);
    report(&mut room, START_MS + 10, 1, 3, 1_000);
    assert_eq!(room.poll_timeout(), Some(START_MS + 700));
    assert!(room.poll_packet(START_MS + 699).is_none());
    assert_eq!(push(room.poll_packet(START_MS + 700).unwrap()).messages.len(), 1);
    // Whoever gives the room away is the former one itself, and waits for nobody.
    let mut room = Room::new("lobby", START_MS, 700);
    room.poll_packet(START_MS).unwrap();
    say(&mut room, START_MS + 1, text("x"));
    assert_eq!(push(room.poll_last(START_MS + 2).unwrap()).messages.len(), 1);
}

#[test]
fn whoever_joins_gets_the_last_messages_and_whoever_returns_what_was_missed() {
    let mut room = room();
    for number in 1..=5 {
        say(&mut room, START_MS, text(&number.to_string()));
    }
    room.poll_packet(START_MS).unwrap();
    say(&mut room, START_MS + 1, text("not published yet"));
    let offsets = |recent: Vec<v1::RoomMessage>| recent.iter().map(|message| message.offset).collect::<Vec<_>>();
    let epoch = room.epoch();
    let (recent, lost) = room.handle_join(START_MS, Before::default(), 2);
    assert_eq!((offsets(recent), lost, room.published()), (vec![4, 5], 0, 6));
    let (recent, lost) = room.handle_join(START_MS, Before { epoch, offset: 3 }, 0);
    assert_eq!((offsets(recent), lost), (vec![3, 4, 5], 0));
    let (recent, lost) = room.handle_join(START_MS, Before { epoch: epoch - 1, offset: 90 }, 0);
    assert_eq!((offsets(recent), lost), (vec![1, 2, 3, 4, 5], 0));
    for round in 1..100 {
        for _ in 0..30 {
            say(&mut room, START_MS + round * 1_000, text(&"x".repeat(1_000)));
        }
        room.poll_packet(START_MS + round * 1_000).unwrap();
    }
    let (recent, lost) = room.handle_join(START_MS, Before { epoch, offset: 3 }, 0);
    assert_eq!(recent.len() as u64 + lost, room.published() - 3);
    assert!(lost > 2_000 && recent.last().unwrap().offset + 1 == room.published());
}

#[test]
fn an_empty_room_lingers_and_is_over() {
    let (mut room, linger_ms) = (room(), config().linger_s * 1_000);
    report(&mut room, START_MS, 1, 1, 0);
    assert!(!room.is_over(START_MS + 10 * linger_ms, &config()));
    report(&mut room, START_MS + 5, 1, 0, 0);
    assert!(!room.is_over(START_MS + linger_ms, &config()));
    assert!(room.is_over(START_MS + 6 + linger_ms, &config()));
}

fn a_message() -> impl Strategy<Value = (u64, i32, usize)> {
    (0_u64..40, 1_i32..4, 1_usize..4_000)
}

proptest! {
    /// Whatever is said at whatever pace: all that was given an offset is delivered in order or counted as left out, within the budget of each tick, and
    /// nothing is left out while something of a lower priority goes along.
    #[test]
    fn everything_said_is_delivered_or_counted(messages in prop::collection::vec(a_message(), 1..200)) {
        use buffa::Enumeration as _;
        let mut room = room();
        let (mut now_ms, mut expected, mut delivered, mut sampled) = (START_MS, 1, 0, 0);
        let mut priorities = Vec::new();
        let mut last_ms = 0;
        let mut take = |room: &mut Room, now_ms: u64, priorities: &[i32]| {
            let Some(outgoing) = room.poll_packet(now_ms) else { return Ok(()) };
            let published = outgoing.published;
            let push = push(outgoing);
            prop_assert!(now_ms - last_ms >= TICK_MIN_MS);
            last_ms = now_ms;
            prop_assert_eq!(push.first_offset, expected);
            expected += push.messages.len() as u64 + push.sampled;
            prop_assert_eq!(expected, published);
            let offsets: Vec<u64> = push.messages.iter().map(|message| message.offset).collect();
            prop_assert!(offsets.is_sorted() && offsets.iter().all(|offset| (push.first_offset..expected).contains(offset)));
            let bytes: usize = push.messages.iter().map(|message| message.text.len()).sum();
            prop_assert!(bytes <= ROOM_TICK_BYTES_MAX);
            let left_out = (push.first_offset..expected).filter(|offset| !offsets.contains(offset));
            let priority = |offset: u64| priorities[offset as usize - 1];
            for out in left_out {
                // What came later may have pushed it out and fit in itself.
                prop_assert!(offsets.iter().all(|kept| *kept > out || priority(*kept) >= priority(out)));
            }
            delivered += offsets.len() as u64;
            sampled += push.sampled;
            Ok(())
        };
        for (wait_ms, priority, bytes) in messages {
            now_ms += wait_ms;
            let known = v1::RoomPriority::from_i32(priority).unwrap_or_default();
            let message = v1::RoomMessage { priority: known.into(), ..text(&"x".repeat(bytes)) };
            priorities.push(priority);
            prop_assert_eq!(say(&mut room, now_ms, message), priorities.len() as u64);
            prop_assert!(room.poll_timeout().is_some_and(|due_ms| due_ms <= now_ms + TICK_MAX_MS));
            take(&mut room, now_ms, &priorities)?;
        }
        take(&mut room, now_ms + TICK_MAX_MS, &priorities)?;
        prop_assert_eq!(delivered + sampled, priorities.len() as u64);
        prop_assert_eq!(room.poll_timeout(), None);
    }
}
