//! Fan-out without sockets: what each member of a room would write, whatever it has missed meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use proptest::prelude::*;
use skein_bus::{Bus, local::LocalBus};
use skein_proto::{
    codec::Codec,
    frame::decode_record,
    id::UserId,
    limits::FRAME_BYTES_MAX,
    session::{ServerSession, decode_frame},
    v1::{self, frame::Body},
};
use skein_service::{Caller, Gate, RemoteService, effect::RoomPlace};

use super::{Rooms, Shape};
use crate::registry::{LiveSession, Turn};

const ROOM: &str = "r";

/// A node whose service layer is elsewhere, and silent.
fn rooms() -> Arc<Rooms> {
    let (bus, _) = LocalBus::new();
    let bus: Arc<dyn Bus> = Arc::new(bus);
    Rooms::new(Gate::Elsewhere(RemoteService::new(bus.clone(), 1)), bus)
}

fn session(user: u64) -> Arc<LiveSession> {
    let caller = Caller {
        user: UserId(user),
        device_id: "phone".into(),
        platform: v1::Platform::default(),
        generation: 1,
        expires_ms: u64::MAX,
    };
    Arc::new(LiveSession::new(caller, ServerSession::new([3; 16], Codec::Binary, 0), false))
}

/// A member that joined there.
async fn member(rooms: &Arc<Rooms>, user: u64, epoch: u64, offset: u64) -> Arc<LiveSession> {
    let session = session(user);
    let room = rooms.enter(&ROOM.into());
    rooms.listen(&room).await;
    let place = RoomPlace { room: ROOM.into(), epoch, offset };
    assert!(session.with_seats(|seats| seats.sit(rooms, room, Arc::downgrade(&session), &place)));
    session
}

fn push(epoch: u64, first_offset: u64, count: u64, sampled: u64, bytes: usize) -> v1::RoomPush {
    let message = |offset| v1::RoomMessage { offset, text: "x".repeat(bytes), ..Default::default() };
    let messages = (first_offset..first_offset + count).map(message).collect();
    v1::RoomPush { room_id: ROOM.to_owned(), epoch, first_offset, messages, sampled, ..Default::default() }
}

fn packet(push: &v1::RoomPush) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(1);
    out.put_slice(&Codec::Binary.encode(push));
    out.freeze()
}

fn tick(rooms: &Rooms, push: &v1::RoomPush) {
    rooms.take_packet(ROOM, packet(push));
}

/// All that a member would write now.
fn taken(session: &LiveSession) -> Vec<v1::RoomPush> {
    let mut pushes = Vec::new();
    while let Some(frame) = session.next_room_frame(0, Shape::Record) {
        let mut bytes = BytesMut::from(&frame.bytes[..]);
        let payload = decode_record(&mut bytes, FRAME_BYTES_MAX).unwrap().unwrap();
        match decode_frame(Codec::Binary, &payload).unwrap().body {
            Some(Body::RoomPush(push)) => pushes.push(*push),
            other => panic!("{other:?}"),
        }
    }
    pushes
}

/// Where a client is that keeps the books.
#[derive(Default)]
struct Books {
    epoch: u64,
    offset: u64,
    received: u64,
    lost: u64,
    sampled: u64,
}

impl Books {
    fn take(&mut self, push: &v1::RoomPush) {
        if push.epoch == self.epoch {
            assert_eq!(self.offset + push.lost, push.first_offset, "{push:?}");
        }
        let count = push.messages.len() as u64;
        (self.epoch, self.offset) = (push.epoch, push.first_offset + count + push.sampled);
        self.received += count;
        self.lost += push.lost;
        self.sampled += push.sampled;
    }
}

#[tokio::test]
async fn a_thousand_members_write_the_same_bytes() {
    let rooms = rooms();
    let mut members = Vec::new();
    for user in 0..1_000 {
        members.push(member(&rooms, user, 1, 1).await);
    }
    tick(&rooms, &push(1, 1, 16, 0, 64));
    let first = members[0].next_room_frame(0, Shape::WebSocketBinary).unwrap().bytes;
    for member in &members[1..] {
        let frame = member.next_room_frame(0, Shape::WebSocketBinary).unwrap();
        assert_eq!((frame.bytes.as_ptr(), frame.more), (first.as_ptr(), false));
        assert!(member.next_room_frame(0, Shape::WebSocketBinary).is_none(), "once");
    }
}

struct Counter(AtomicUsize);
impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn everybody_is_woken_but_those_who_cannot_write() {
    let rooms = rooms();
    let (counter, stalled) = (Arc::new(Counter(AtomicUsize::new(0))), Arc::new(Counter(AtomicUsize::new(0))));
    let mut members = Vec::new();
    for user in 0..500 {
        let member = member(&rooms, user, 1, 1).await;
        let waker = Waker::from(if user % 5 == 0 { stalled.clone() } else { counter.clone() });
        assert!(matches!(member.take_turn(0, 1, &waker, usize::MAX, &mut Vec::new()), Turn::Frames { in_rooms: true }));
        member.lock().stalled_ms = u64::from(user % 5 == 0);
        members.push(member);
    }
    tick(&rooms, &push(1, 1, 1, 0, 64));
    let waiting = async {
        while counter.0.load(Ordering::SeqCst) < 400 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("all are woken");
    assert_eq!(stalled.0.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_member_that_writes_nothing_costs_no_queue_and_is_told_what_it_lost() {
    let rooms = rooms();
    let (quick, slow) = (member(&rooms, 1, 1, 1).await, member(&rooms, 2, 1, 1).await);
    let (mut quick_books, mut slow_books) =
        (Books { epoch: 1, offset: 1, ..Books::default() }, Books { epoch: 1, offset: 1, ..Books::default() });
    for number in 0..2_000 {
        tick(&rooms, &push(1, 1 + number * 10, 9, 1, 100));
        taken(&quick).iter().for_each(|push| quick_books.take(push));
    }
    assert_eq!((quick_books.received, quick_books.sampled, quick_books.lost), (18_000, 2_000, 0));
    let pushes = taken(&slow);
    assert!(pushes.len() < 400, "{} were kept", pushes.len());
    pushes.iter().for_each(|push| slow_books.take(push));
    assert!(slow_books.lost > 10_000);
    assert_eq!(slow_books.received + slow_books.sampled + slow_books.lost, 20_000);
}

#[tokio::test]
async fn who_joins_gets_nothing_from_before_and_nothing_twice() {
    let rooms = rooms();
    let early = member(&rooms, 1, 1, 1).await;
    tick(&rooms, &push(1, 1, 5, 0, 10));
    // Where the room was when it was asked: between a tick that is here and one that is not.
    let (late, ahead) = (member(&rooms, 2, 1, 6).await, member(&rooms, 3, 1, 8).await);
    let behind = member(&rooms, 4, 1, 1).await;
    tick(&rooms, &push(1, 6, 2, 0, 10));
    tick(&rooms, &push(1, 8, 1, 0, 10));
    let offsets = |session: &LiveSession| -> Vec<u64> {
        taken(session).iter().flat_map(|push| push.messages.iter().map(|message| message.offset)).collect()
    };
    assert_eq!(offsets(&early), (1..=8).collect::<Vec<_>>());
    assert_eq!(offsets(&behind), (1..=8).collect::<Vec<_>>(), "what is in the ring is not lost");
    assert_eq!((offsets(&late), offsets(&ahead)), (vec![6, 7, 8], vec![8]));
    early.with_seats(|seats| seats.leave(ROOM));
    tick(&rooms, &push(1, 9, 1, 0, 10));
    assert!(taken(&early).is_empty() && offsets(&late) == [9]);
    let goodbye = v1::RoomPush { closed: true, ..push(1, 10, 0, 0, 0) };
    tick(&rooms, &goodbye);
    assert!(taken(&late)[0].closed);
    tick(&rooms, &push(1, 10, 1, 0, 10));
    assert!(taken(&late).is_empty(), "a closed room has no seats");
}

/// What an owner publishes: whether it arrives at this node, how many messages, how many left out, whether another owner speaks.
fn published() -> impl Strategy<Value = (bool, u64, u64, bool)> {
    (prop::bool::weighted(0.9), 0_u64..20, 0_u64..3, prop::bool::weighted(0.05))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever the bus loses, whoever speaks, whenever a member takes: what it got, what was left out and what it is told add up.
    #[test]
    fn the_books_of_every_member_balance(
        ticks in prop::collection::vec((published(), prop::bool::ANY), 1..120), bytes in 1_usize..4_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let rooms = rooms();
            let member = member(&rooms, 1, 1, 1).await;
            let mut books = Books { epoch: 1, offset: 1, ..Books::default() };
            let (mut epoch, mut offset, mut said) = (1, 1, 0);
            // The first tick of an epoch arrives: before it nobody knows of the epoch.
            let mut first = true;
            for ((arrives, count, sampled, moves), takes) in ticks {
                if moves {
                    (epoch, offset, first) = (epoch + 1, 1, true);
                }
                if arrives || first {
                    tick(&rooms, &push(epoch, offset, count, sampled, bytes));
                    first = false;
                }
                offset += count + sampled;
                said += count + sampled;
                if takes {
                    taken(&member).iter().for_each(|push| books.take(push));
                }
                if moves || !arrives {
                    // What is missing at the end of an epoch shows only with the next tick of it.
                    tick(&rooms, &push(epoch, offset, 0, 0, 0));
                }
            }
            tick(&rooms, &push(epoch, offset, 1, 0, 1));
            taken(&member).iter().for_each(|push| books.take(push));
            assert_eq!(books.received + books.sampled + books.lost, said + 1);
        });
    }
}

#[tokio::test]
async fn a_counter_never_goes_back_whoever_keeps_the_room() {
    let rooms = rooms();
    let ann = member(&rooms, 1, 7, 1).await;
    let likes = |epoch, value| v1::RoomPush {
        counters: vec![v1::RoomCounter { name: "likes".to_owned(), value, ..Default::default() }],
        ..push(epoch, 1, 0, 0, 0)
    };
    // Another owner has not heard of the last like yet.
    for (epoch, value) in [(7, 41), (8, 40), (8, 43)] {
        tick(&rooms, &likes(epoch, value));
    }
    let told: Vec<u64> = taken(&ann).iter().map(|push| push.counters[0].value).collect();
    assert_eq!(told, [41, 41, 43]);
    // A room that is closed takes its counters with it.
    tick(&rooms, &v1::RoomPush { closed: true, ..push(8, 1, 0, 0, 0) });
    assert!(taken(&ann)[0].closed);
    let bob = member(&rooms, 2, 9, 1).await;
    tick(&rooms, &likes(9, 1));
    assert_eq!(taken(&bob)[0].counters[0].value, 1);
}
