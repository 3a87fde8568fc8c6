//! The rooms that this node keeps, and the tasks that publish what happens in them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use skein_bus::{Bus, Place};
use tokio::sync::{Notify, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::{
    owned::{Outgoing, Room},
    owner::key_of,
    report::{RoomReport, RoomStanding},
};
use crate::{Failure, Result, config::RoomConfig, now_ms};
use skein_proto::v1::ErrorCode;

/// Tasks that publish; rooms are spread over them. The packets of one room come from one task, so they keep their order.
const SHARDS: usize = 4;
/// Rooms are looked at this often even if nothing happens in them, in milliseconds: for nodes that fell silent, and rooms that are over.
const LOOK_MS: u64 = 1_000;
/// In a cluster, a room that begins here may have been another node's a moment ago, and not all nodes know yet that it is not any more. What is said there is
/// published first everywhere: a new room says nothing for so long, in milliseconds.
const HANDOVER_MS: u64 = 400;

/// All rooms of this node.
pub(crate) struct Rooms {
    shards: Vec<Arc<Shard>>,
    pub(super) config: RoomConfig,
    _publishing: Vec<AbortOnDropHandle<()>>,
}

struct Shard {
    state: Mutex<State>,
    /// Something is due earlier than it was.
    sooner: Notify,
    config: RoomConfig,
    hold_ms: u64,
}

#[derive(Default)]
struct State {
    rooms: HashMap<Arc<str>, Kept>,
    /// When which room has to be looked at.
    agenda: BTreeSet<(u64, Arc<str>)>,
}

struct Kept {
    room: Room,
    due_ms: u64,
    /// Who waits for their message to be on its way: its offset, and where to say whether it was left out.
    waiting: Vec<(u64, oneshot::Sender<bool>)>,
}

/// What a task publishes.
struct Due {
    room: Arc<str>,
    outgoing: Outgoing,
    waiting: Vec<(u64, oneshot::Sender<bool>)>,
}

impl Rooms {
    pub(crate) fn start(bus: &Arc<dyn Bus>, config: RoomConfig) -> Self {
        let hold_ms = if bus.tag().is_some() { HANDOVER_MS } else { 0 };
        let shard =
            || Arc::new(Shard { state: Mutex::default(), sooner: Notify::new(), config: config.clone(), hold_ms });
        let shards: Vec<_> = (0..SHARDS).map(|_| shard()).collect();
        let publishing = shards.iter().map(|shard| publish(shard.clone(), bus.clone()));
        let publishing = publishing.map(|task| AbortOnDropHandle::new(tokio::spawn(task))).collect();
        Self { shards, config, _publishing: publishing }
    }

    fn shard(&self, room: &str) -> &Shard {
        &self.shards[key_of(room) as usize % SHARDS]
    }

    /// Does something with a room; it is made if it is not there.
    ///
    /// # Errors
    /// `LIMIT_REACHED` when there are as many rooms as may be.
    pub(super) fn with<R>(&self, id: &str, act: impl FnOnce(&mut Room) -> R) -> Result<R> {
        let shard = self.shard(id);
        let mut state = shard.state.lock();
        if !state.rooms.contains_key(id) && state.rooms.len() >= self.config.rooms_max / SHARDS {
            return Err(Failure::new(ErrorCode::LimitReached, "there are as many live rooms as this server keeps"));
        }
        Ok(shard.act(&mut state, id, |kept| act(&mut kept.room)))
    }

    /// Does something with a room that is there.
    pub(super) fn look<R>(&self, id: &str, act: impl FnOnce(&Room) -> R) -> Option<R> {
        self.shard(id).state.lock().rooms.get(id).map(|kept| act(&kept.room))
    }

    /// How many are in a room.
    pub(crate) fn online(&self, id: &str) -> u64 {
        self.look(id, Room::online).unwrap_or_default()
    }

    /// Says something in a room; it answers its offset, and what to wait for until it is on its way (whether it was left out).
    pub(super) fn say<E>(
        &self,
        id: &str,
        act: impl FnOnce(&mut Room) -> std::result::Result<u64, E>,
    ) -> std::result::Result<(u64, u64, Option<oneshot::Receiver<bool>>), E> {
        let shard = self.shard(id);
        let mut state = shard.state.lock();
        shard.act(&mut state, id, |kept| {
            let offset = act(&mut kept.room)?;
            let waiting = (offset >= kept.room.published()).then(|| {
                let (tell, told) = oneshot::channel();
                kept.waiting.push((offset, tell));
                told
            });
            Ok((kept.room.epoch(), offset, waiting))
        })
    }

    /// Notes what a node says about rooms that are kept here; of those that are not, only some `may_begin` by it.
    pub(super) fn report(
        &self,
        now_ms: u64,
        node: u64,
        reports: &[RoomReport],
        may_begin: impl Fn(&str) -> bool,
    ) -> Vec<RoomStanding> {
        let standing = |report: &RoomReport| {
            let noted = self.with(&report.room, |room| {
                room.handle_report(now_ms, node, report);
                RoomStanding { room: report.room.clone(), epoch: room.epoch(), offset: room.published() }
            });
            noted.ok()
        };
        // Nobody there, and nothing known here: nothing to note.
        let news = |report: &&RoomReport| {
            self.look(&report.room, |_| ()).is_some() || (report.online > 0 && may_begin(&report.room))
        };
        reports.iter().filter(news).filter_map(standing).collect()
    }

    /// Ends a room: forgets it, and returns what tells its members. `None` when it was not there.
    pub(super) fn close(&self, id: &str) -> Option<bytes::Bytes> {
        let shard = self.shard(id);
        let mut state = shard.state.lock();
        let kept = state.rooms.remove(id)?;
        state.agenda.retain(|(_, room)| **room != *id);
        Some(kept.room.close())
    }

    /// All rooms with their members, in no order.
    pub(crate) fn list(&self) -> Vec<(String, u64)> {
        let rooms = |shard: &Arc<Shard>| {
            let state = shard.state.lock();
            state.rooms.iter().map(|(id, kept)| (id.to_string(), kept.room.online())).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(rooms).collect()
    }
}

impl Shard {
    fn act<R>(&self, state: &mut State, id: &str, act: impl FnOnce(&mut Kept) -> R) -> R {
        let now_ms = now_ms();
        let id: Arc<str> = match state.rooms.get_key_value(id) {
            Some((known, _)) => known.clone(),
            None => {
                let id: Arc<str> = id.into();
                let room = Room::new(&id, now_ms, self.hold_ms);
                state.rooms.insert(id.clone(), Kept { room, due_ms: 0, waiting: Vec::new() });
                state.agenda.insert((0, id.clone()));
                id
            }
        };
        let State { rooms, agenda } = state;
        let Some(kept) = rooms.get_mut(&id) else { unreachable!("it was made above") };
        let done = act(kept);
        let due_ms = kept.room.poll_timeout().unwrap_or(u64::MAX);
        if due_ms < kept.due_ms || kept.due_ms == 0 {
            let earliest = agenda.first().map(|(due_ms, _)| *due_ms);
            agenda.remove(&(kept.due_ms, id.clone()));
            kept.due_ms = due_ms.min(now_ms + LOOK_MS).max(1);
            agenda.insert((kept.due_ms, id));
            if earliest.is_none_or(|earliest| kept.due_ms < earliest || earliest == 0) {
                self.sooner.notify_one();
            }
        }
        done
    }

    /// Takes what is due, and says when there is more. Rooms that this node does not keep any more say their last.
    fn take_due(&self, now_ms: u64, is_kept: impl Fn(&str) -> bool) -> (Vec<Due>, Option<u64>) {
        let mut state = self.state.lock();
        let State { rooms, agenda } = &mut *state;
        let mut due = Vec::new();
        while let Some((due_ms, _)) = agenda.first()
            && *due_ms <= now_ms
        {
            let Some((_, id)) = agenda.pop_first() else { break };
            let Some(kept) = rooms.get_mut(&id) else { continue };
            kept.room.handle_timeout(now_ms);
            if !is_kept(&id) {
                let last = kept.room.poll_last(now_ms);
                if let (Some(outgoing), Some(kept)) = (last, rooms.remove(&id)) {
                    due.push(Due { room: id, outgoing, waiting: kept.waiting });
                } else {
                    rooms.remove(&id);
                }
                continue;
            }
            if let Some(outgoing) = kept.room.poll_packet(now_ms) {
                let waiting = if outgoing.published > 0 { std::mem::take(&mut kept.waiting) } else { Vec::new() };
                let (done, waiting): (Vec<_>, Vec<_>) =
                    waiting.into_iter().partition(|(offset, _)| *offset < outgoing.published);
                kept.waiting = waiting;
                due.push(Due { room: id.clone(), outgoing, waiting: done });
            } else if kept.room.is_over(now_ms, &self.config) {
                rooms.remove(&id);
                continue;
            }
            let next_ms = kept.room.poll_timeout().unwrap_or(u64::MAX).min(now_ms + LOOK_MS);
            kept.due_ms = next_ms.max(1);
            agenda.insert((kept.due_ms, id));
            if due.len() >= 64 {
                break;
            }
        }
        (due, agenda.first().map(|(due_ms, _)| *due_ms))
    }
}

/// Publishes what is due in the rooms of a shard. Runs until it is dropped.
async fn publish(shard: Arc<Shard>, bus: Arc<dyn Bus>) {
    loop {
        let sooner = shard.sooner.notified();
        let now_ms = now_ms();
        let is_kept = |room: &str| !matches!(bus.place(key_of(room)), Place::There(_));
        let (due, next_ms) = shard.take_due(now_ms, is_kept);
        for Due { room, outgoing, waiting } in due {
            bus.publish_room(&room, outgoing.packet).await;
            for (offset, tell) in waiting {
                let _ = tell.send(outgoing.offsets.binary_search(&offset).is_err());
            }
        }
        let wait_ms = next_ms.map_or(LOOK_MS, |next_ms| next_ms.saturating_sub(now_ms).min(LOOK_MS));
        if wait_ms > 0 {
            let _ = tokio::time::timeout(Duration::from_millis(wait_ms), sooner).await;
        }
    }
}
