//! Three nodes with everything are restarted one after the other, while people talk in live rooms and watch one another.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use skein_client::{Client, Room, RoomUpdate};
use skein_proto::v1::PresenceState;
use tokio::{sync::broadcast, task::JoinHandle};

use crate::{
    admin::KEYS,
    cluster::{ThreeNodes, until, until_ready},
    drain::{ADVERTISE, SPREAD, WITHDRAW, client, nodes, terminate},
    http::PATIENCE,
    server::Server,
};

/// Rooms: enough that each of three nodes keeps some.
const ROOMS: usize = 6;
/// Shorter than by default, so that what stays wrong shows soon.
const GRACE: (&str, &str) = ("SKEIN__ACCESS__PRESENCE_GRACE_MS", "1000");
/// People: two on each node.
const PEOPLE: usize = 6;
/// Those of them who talk, one on each node.
const TALKERS: usize = 3;

/// What each of them says in a room at least.
const SAID_MIN: usize = 20;

/// What somebody was told in a room, in order.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    /// The talker, and the number of what they said; and its offset.
    Said(usize, u64, u64),
    /// There is something that they did not get.
    Gap,
}

/// Somebody with all rooms.
struct Person {
    client: Client,
    rooms: Vec<(Room, Arc<Mutex<Vec<Told>>>)>,
}

fn listen(mut updates: broadcast::Receiver<RoomUpdate>) -> Arc<Mutex<Vec<Told>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    tokio::spawn(async move {
        while let Ok(update) = updates.recv().await {
            let entry = match update {
                RoomUpdate::Message(message) => {
                    let (talker, number) = message.text.split_once(' ').unwrap();
                    Told::Said(talker.parse().unwrap(), number.parse().unwrap(), message.offset)
                }
                RoomUpdate::Lost(_) | RoomUpdate::Sampled(_) | RoomUpdate::Moved => Told::Gap,
                RoomUpdate::Joined | RoomUpdate::Counts { .. } => continue,
                RoomUpdate::Closed(why) => panic!("nobody closes a room: {why}"),
            };
            log.lock().unwrap().push(entry);
        }
    });
    told
}

async fn enter(server: &Server, name: &str) -> Person {
    let client = client(server, name).await;
    let mut rooms = Vec::new();
    for room in 0..ROOMS {
        let (room, updates) = client.join_room(&format!("room.{room}"), 0).await.unwrap();
        rooms.push((room, listen(updates)));
    }
    Person { client, rooms }
}

/// Says one number after the other in a room; those that were acked. Nobody who talks notices that a node is drained.
async fn talk(room: Room, talker: usize, stop: Arc<AtomicBool>) -> Vec<u64> {
    let mut acked = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) || acked.len() < SAID_MIN {
        let saying = tokio::time::timeout(2 * PATIENCE, room.send(&format!("{talker} {number}"))).await;
        let said = saying.expect("it takes no answer").expect("it is taken");
        if !said.sampled {
            acked.push(number);
        }
        number += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    acked
}

/// Nothing came twice or out of order, and whatever was acked came, or there was a gap where it belongs.
fn check_told(whose: &str, told: &[Told], talker: usize, acked: &[u64]) {
    let mut came = HashSet::new();
    let (mut last, mut gap) = (None, true);
    for entry in told {
        match entry {
            Told::Gap => gap = true,
            Told::Said(who, number, _) if *who == talker => {
                assert!(came.insert(*number), "{whose}: {talker} {number} came twice: {told:?}");
                assert!(last.is_none_or(|last| last < *number), "{whose}: {talker} {number} after {last:?}");
                let from = last.map_or(0, |last| last + 1);
                let missing: Vec<_> = acked.iter().filter(|one| (from..*number).contains(*one)).collect();
                assert!(
                    gap || missing.is_empty(),
                    "{whose}: {missing:?} of {talker} are lost, and nobody said so: {told:?}"
                );
                (last, gap) = (Some(*number), false);
            }
            // A gap before what somebody else said may hold something of this one, too.
            Told::Said(..) => {}
        }
    }
}

/// What both got has the same order.
fn check_order(one: &[Told], other: &[Told]) {
    let known = |told: &[Told]| -> HashMap<(usize, u64), usize> {
        let said = told
            .iter()
            .filter_map(|entry| if let Told::Said(who, number, _) = entry { Some((*who, *number)) } else { None });
        said.enumerate().map(|(at, key)| (key, at)).collect()
    };
    let (one, other) = (known(one), known(other));
    let mut both: Vec<_> = one.iter().filter_map(|(key, at)| Some((*at, *other.get(key)?, *key))).collect();
    both.sort_unstable();
    for pair in both.windows(2) {
        assert!(pair[0].1 < pair[1].1, "{:?} and {:?} are in another order for others", pair[0].2, pair[1].2);
    }
}

fn state_of(watcher: &Client, user: u64) -> PresenceState {
    watcher.presence_of(user).and_then(|presence| presence.state.as_known()).unwrap_or_default()
}

/// How everybody looks to everybody, when it is right: those are there, these are not.
fn until_all_see(watchers: &[Client], here: &[u64], gone: &[u64]) {
    let start = Instant::now();
    let wrong = |watcher: &Client| -> Vec<(u64, PresenceState)> {
        let here = here.iter().map(|user| (*user, PresenceState::Online));
        let wanted = here.chain(gone.iter().map(|user| (*user, PresenceState::Offline)));
        let others = wanted.filter(|(user, _)| *user != watcher.user_id());
        others
            .map(|(user, wanted)| (user, state_of(watcher, user), wanted))
            .filter(|(_, seen, wanted)| seen != wanted)
            .map(|(user, seen, _)| (user, seen))
            .collect()
    };
    while let Some(wrong) = watchers.iter().map(wrong).find(|wrong| !wrong.is_empty()) {
        assert!(start.elapsed() < PATIENCE, "presence stays wrong: {wrong:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn until_counted(people: &[Person]) {
    until("the right counts", || {
        people.iter().all(|person| person.rooms.iter().all(|(room, _)| room.online() == people.len() as u64))
    });
}

/// Ends the node when its links have gone, one of them for good, and starts it anew.
fn roll(servers: &mut [Server; 3], index: usize, leaves: Client) {
    terminate(&servers[index]);
    drop(leaves);
    assert!(servers[index].wait().success());
    servers[index].restart();
    for server in servers.iter() {
        until_ready(server);
        until("knowing everybody", || {
            let known = nodes(server);
            ["a", "b", "c"].iter().all(|name| known.get(*name).is_some_and(|(phase, _)| phase == "NODE_PHASE_SERVING"))
        });
    }
}

/// Whether something came.
fn heard(told: &[Told], talker: usize, number: u64) -> bool {
    told.iter().any(|entry| matches!(entry, Told::Said(who, said, _) if (*who, *said) == (talker, number)))
}

/// All that one talker said in one room came to everybody, or they were told that something is missing.
fn check_talk(people: &[Person], room: usize, talker: usize, acked: &[u64]) {
    let last = *acked.last().expect("nothing was said");
    for (number, person) in people.iter().enumerate() {
        let told = &person.rooms[room].1;
        // The nodes are as they will stay, so what came last comes to all.
        until("the last words", || heard(&told.lock().unwrap(), talker, last));
        check_told(&format!("person {number} in room {room}"), &told.lock().unwrap(), talker, acked);
    }
}

#[test]
fn rooms_and_presence_are_right_while_nodes_are_restarted() {
    let everywhere = [GRACE, ADVERTISE, WITHDRAW, SPREAD];
    let mut cluster = ThreeNodes::start(&everywhere, &[KEYS]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let of_node = |number: usize| &cluster.nodes[number % 3];
    let people: Vec<Person> =
        (0..PEOPLE).map(|number| runtime.block_on(enter(of_node(number), &format!("user{number}")))).collect();
    // Somebody on each node who leaves while it is drained, and somebody elsewhere who only watches.
    let leaving: Vec<Client> =
        (0..3).map(|number| runtime.block_on(client(of_node(number), &format!("leaving{number}")))).collect();
    let outside = runtime.block_on(client(&cluster.access, "outside"));
    let here: Vec<u64> = people.iter().map(|person| person.client.user_id()).collect();
    let gone: Vec<u64> = leaving.iter().map(Client::user_id).collect();
    let watchers: Vec<Client> = people.iter().map(|person| person.client.clone()).chain([outside]).collect();
    for watcher in &watchers {
        runtime.block_on(watcher.watch_presence(&[here.as_slice(), &gone].concat())).unwrap();
    }
    until_all_see(&watchers, &[here.as_slice(), &gone].concat(), &[]);
    until_counted(&people);

    let stop = Arc::new(AtomicBool::new(false));
    let mut talks: Vec<(usize, usize, JoinHandle<Vec<u64>>)> = Vec::new();
    for (talker, person) in people.iter().enumerate().take(TALKERS) {
        for (index, (room, _)) in person.rooms.iter().enumerate() {
            talks.push((talker, index, runtime.spawn(talk(room.clone(), talker, stop.clone()))));
        }
    }
    for (index, leaves) in leaving.into_iter().enumerate() {
        roll(&mut cluster.nodes, index, leaves);
    }
    stop.store(true, Ordering::Relaxed);
    for (talker, room, talk) in talks {
        let acked = runtime.block_on(talk).unwrap();
        check_talk(&people, room, talker, &acked);
    }
    for room in 0..ROOMS {
        let first = people[0].rooms[room].1.lock().unwrap().clone();
        people[1..].iter().for_each(|person| check_order(&first, &person.rooms[room].1.lock().unwrap()));
    }
    until_counted(&people);
    until_all_see(&watchers, &here, &gone);
}
