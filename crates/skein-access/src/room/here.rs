//! One room on this node.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use skein_proto::v1;
use tokio::sync::OnceCell;

use super::{ring::Ring, tick::Tick};
use crate::registry::LiveSession;

/// Locks of the members, and how many are woken before others get their turn: a 64th of the room.
const SHARDS: usize = 64;

/// A room that sessions of this node are in.
pub(super) struct RoomHere {
    pub(super) id: Arc<str>,
    ring: RwLock<Ring>,
    /// [`Ring::next`], to be read without the lock.
    next: AtomicU64,
    shards: Vec<Mutex<Members>>,
    /// Members that are connected.
    online: AtomicUsize,
    /// Sessions with a seat, connected or to be resumed; the room is here as long as there is one.
    pub(super) seats: AtomicUsize,
    turn: AtomicUsize,
    waking: AtomicBool,
    /// Set once the node listens.
    pub(super) listening: OnceCell<()>,
    known: Mutex<Known>,
}

/// What has been heard of the room besides messages.
#[derive(Default)]
struct Known {
    online: u64,
    counters: BTreeMap<String, u64>,
    /// Where the owner was, when it was asked last.
    standing: Option<(u64, u64)>,
}

/// Members by slot.
#[derive(Default)]
struct Members {
    slots: Vec<Option<Weak<LiveSession>>>,
    free: Vec<u32>,
}

/// Where a member is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    shard: u32,
    index: u32,
}

impl RoomHere {
    pub(super) fn new(id: Arc<str>) -> Self {
        Self {
            id,
            ring: RwLock::default(),
            next: AtomicU64::new(0),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            online: AtomicUsize::new(0),
            seats: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            waking: AtomicBool::new(false),
            listening: OnceCell::new(),
            known: Mutex::default(),
        }
    }

    /// A member is connected from now on.
    pub(super) fn enter(&self, session: Weak<LiveSession>) -> Slot {
        let shard = self.turn.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let mut members = self.shards[shard].lock();
        let index = members.free.pop().unwrap_or_else(|| {
            members.slots.push(None);
            members.slots.len() as u32 - 1
        });
        members.slots[index as usize] = Some(session);
        self.online.fetch_add(1, Ordering::Relaxed);
        Slot { shard: shard as u32, index }
    }

    /// It is not any more.
    pub(super) fn exit(&self, slot: Slot) {
        let mut members = self.shards[slot.shard as usize].lock();
        if members.slots[slot.index as usize].take().is_some() {
            members.free.push(slot.index);
            self.online.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Members that are connected here.
    pub(super) fn online(&self) -> u64 {
        self.online.load(Ordering::Relaxed) as u64
    }

    /// Number of the tick that comes next.
    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    /// Does something with the ring.
    pub(super) fn read<R>(&self, read: impl FnOnce(&Ring) -> R) -> R {
        read(&self.ring.read())
    }

    /// Takes a tick; false when it was known.
    pub(super) fn take(&self, tick: Tick) -> bool {
        let mut ring = self.ring.write();
        let new = ring.push(tick);
        self.next.store(ring.next(), Ordering::SeqCst);
        new
    }

    /// What the room was told about counts. While an owner is being missed two nodes may keep the room, and one of them not know what the other has told: a counter
    /// that would go back is put right. True when one was.
    pub(super) fn note_counts(&self, push: &mut v1::RoomPush) -> bool {
        if push.online_count.is_none() && push.counters.is_empty() && !push.closed {
            return false;
        }
        let mut known = self.known.lock();
        if push.closed {
            // Whoever comes now is in a new room.
            *known = Known::default();
            return false;
        }
        known.online = push.online_count.unwrap_or(known.online);
        let mut changed = false;
        for counter in &mut push.counters {
            let value = known.counters.entry(counter.name.clone()).or_default();
            *value = counter.value.max(*value);
            changed |= counter.value != *value;
            counter.value = *value;
        }
        changed
    }

    /// All counters, and how many are online, as they were told last.
    pub(super) fn counts(&self) -> (u64, Vec<(String, u64)>) {
        let known = self.known.lock();
        (known.online, known.counters.iter().map(|(name, value)| (name.clone(), *value)).collect())
    }

    /// The owner has published up to here. What it had published when it was asked the time before should have come by now: if not, members are told. True when
    /// they have to be woken for it.
    pub(super) fn note_standing(&self, epoch: u64, offset: u64, now_ms: u64) -> bool {
        let before = self.known.lock().standing.replace((epoch, offset));
        let mut ring = self.ring.write();
        ring.expire(now_ms);
        let Some((epoch, offset)) = before else { return false };
        let missing = ring.place(epoch).is_some_and(|place| place < offset);
        if missing {
            ring.push(Tick::gap(epoch, offset, now_ms));
            self.next.store(ring.next(), Ordering::SeqCst);
        }
        missing
    }

    /// Wakes all members, a part at a time. Those who are woken while it runs for an earlier tick are not woken twice.
    pub(super) fn wake(self: &Arc<Self>) {
        if self.waking.swap(true, Ordering::SeqCst) {
            return;
        }
        let room = self.clone();
        tokio::spawn(async move {
            loop {
                let woken_for = room.next();
                for shard in &room.shards {
                    let members: Vec<_> = shard.lock().slots.iter().flatten().filter_map(Weak::upgrade).collect();
                    if members.is_empty() {
                        continue;
                    }
                    members.iter().for_each(|session| session.lock().wake_for_room());
                    tokio::task::yield_now().await;
                }
                room.waking.store(false, Ordering::SeqCst);
                if room.next() == woken_for || room.waking.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }
}
