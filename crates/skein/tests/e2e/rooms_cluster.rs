//! Live rooms over three nodes: one order, one count, and a room that goes on when the node that kept it is killed.

use std::time::Instant;

use serde_json::json;

use crate::{
    cluster::{ThreeNodes, until},
    http::{Account, PATIENCE, call, register},
    link::Link,
    rooms::{Follower, join, number, say},
    server::Server,
};

/// Rooms: enough that each of three nodes keeps some.
const ROOMS: usize = 28;

fn name(room: usize) -> String {
    format!("room.{room}")
}

/// Says something until somebody takes it: while a node is being missed, nobody may.
fn insist(link: &mut Link, room: &str, text: &str) {
    let start = Instant::now();
    let request = json!({"roomId": room, "text": text, "clientMessageId": text});
    while let Err(code) = link.call("RoomService/SendToRoom", request.clone()) {
        assert!(start.elapsed() < PATIENCE, "{code}");
        assert!(matches!(code.as_str(), "UNAVAILABLE" | "OVERLOADED" | "RATE_LIMITED"), "{code}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Somebody with a link, in all rooms.
struct Person {
    account: Account,
    link: Link,
    rooms: Vec<Follower>,
}

impl Person {
    fn enter(server: &Server, name_of: &str) -> Self {
        let account = register(server, name_of);
        let mut link = Link::connect(server, &account);
        let rooms = (0..ROOMS).map(|room| join(&mut link, &name(room))).collect();
        Self { account, link, rooms }
    }

    /// Takes what comes until this holds in the room.
    fn until(&mut self, room: usize, holds: impl Fn(&Follower) -> bool) {
        let start = Instant::now();
        while !holds(&self.rooms[room]) {
            assert!(start.elapsed() < PATIENCE, "{:?} {}", self.rooms[room].texts, self.rooms[room].online);
            let push = self.link.room_push();
            let of = push["roomId"].as_str().unwrap().strip_prefix("room.").unwrap().parse::<usize>().unwrap();
            self.rooms[of].take(&push);
        }
    }
}

#[test]
fn a_room_is_one_over_all_nodes_and_outlives_the_one_that_kept_it() {
    let ThreeNodes { nats: _nats, database: _database, access, mut nodes } = ThreeNodes::start(&[], &[]);
    let mut people = vec![
        Person::enter(&nodes[0], "ann"),
        Person::enter(&nodes[1], "bob"),
        Person::enter(&access, "dan"),
        Person::enter(&nodes[2], "cid"),
    ];
    for room in 0..ROOMS {
        for person in &mut people {
            let text = format!("{room} {}", person.account.user_id);
            say(&mut person.link, &name(room), &text);
            let like = json!({"roomId": name(room), "counter": "likes", "delta": 10});
            person.link.call("RoomService/CountInRoom", like).unwrap();
        }
    }
    for room in 0..ROOMS {
        for person in &mut people {
            person.until(room, |seen| seen.texts.len() == 4 && seen.online == 4 && seen.likes == 40);
        }
        let [first, others @ ..] = &people[..] else { panic!("nobody") };
        for other in others {
            assert_eq!(first.rooms[room].texts, other.rooms[room].texts, "one order");
            assert_eq!((other.rooms[room].lost, other.rooms[room].epoch), (0, first.rooms[room].epoch));
        }
    }
    // A node is killed: who was there is not counted any more, and the rooms that it kept go on elsewhere, likes and all.
    people.truncate(3);
    let before: Vec<u64> = people[0].rooms.iter().map(|room| room.epoch).collect();
    nodes[2].kill();
    for room in 0..ROOMS {
        insist(&mut people[0].link, &name(room), "after");
        let like = json!({"roomId": name(room), "counter": "likes", "delta": 1});
        until("a like", || people[1].link.call("RoomService/CountInRoom", like.clone()).is_ok());
    }
    let mut moved = 0;
    for (room, before) in before.into_iter().enumerate() {
        for person in &mut people {
            person.until(room, |seen| seen.texts.last().is_some_and(|text| text == "after") && seen.online == 3);
            person.until(room, |seen| seen.likes >= 41);
            assert_eq!(person.rooms[room].texts.len(), 5, "each message once: {:?}", person.rooms[room].texts);
            assert_eq!(person.rooms[room].lost, 0);
        }
        moved += usize::from(people[0].rooms[room].epoch != before);
    }
    assert!(moved > 0, "the node that was killed kept no room, so nothing was tested");
    let seen = call(&access, &people[2].account.access, "RoomService/GetRoom", json!({"roomId": name(0)}));
    assert_eq!(number(&seen["onlineCount"]), 3);
}
