//! Who is connected to this node. Whoever goes counts as here for a grace, so that a short drop shows nowhere.

use std::collections::{HashMap, HashSet, VecDeque};

use parking_lot::Mutex;
use skein_proto::id::UserId;
use skein_service::OnlineMove;

/// Moves that wait to be told; beyond it the oldest are gone, and with them some online time.
const MOVES_MAX: usize = 262_144;

/// Somebody who is here, or was a moment ago.
#[derive(Debug, Default)]
struct Person {
    /// Connected sessions.
    connected: u32,
    /// As many as others know of.
    shown: u32,
    /// When the last one has gone, Unix milliseconds.
    gone_ms: u64,
}

#[derive(Debug, Default)]
struct State {
    /// Connected sessions of all: asked for every second, and a look at each would be much beside what an idle link costs.
    connected: usize,
    people: HashMap<UserId, Person>,
    /// When connections were lost, in order; looked at when the grace is over.
    leaving: VecDeque<(u64, UserId)>,
    /// How these look may have changed.
    stirred: HashSet<UserId>,
    /// For online time, in order.
    moves: VecDeque<OnlineMove>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Here(Mutex<State>);

impl Here {
    /// A session was connected: a new one, or one that goes on.
    pub(crate) fn connect(&self, user: UserId, resumed: bool, now_ms: u64) {
        let state = &mut *self.0.lock();
        let mut first = false;
        let person = state.people.entry(user).or_insert_with(|| {
            first = true;
            Person::default()
        });
        person.connected += 1;
        state.connected += 1;
        if first {
            state.moves.push_back(OnlineMove { user, online: true, time_ms: now_ms });
            trim(&mut state.moves);
        }
        if first || (!resumed && person.connected > person.shown) {
            person.shown = person.connected;
            state.stirred.insert(user);
        }
    }

    /// A connection has ended.
    pub(crate) fn disconnect(&self, user: UserId, now_ms: u64) {
        let state = &mut *self.0.lock();
        let Some(person) = state.people.get_mut(&user) else { return };
        person.connected = person.connected.saturating_sub(1);
        state.connected = state.connected.saturating_sub(1);
        person.gone_ms = now_ms;
        state.leaving.push_back((now_ms, user));
    }

    /// Connected sessions of everybody.
    pub(crate) fn connected(&self) -> usize {
        self.0.lock().connected
    }

    /// Whether somebody is here, or was within the grace.
    pub(crate) fn is_here(&self, user: UserId) -> bool {
        self.0.lock().people.contains_key(&user)
    }

    /// Everybody who is.
    pub(crate) fn users(&self) -> Vec<UserId> {
        self.0.lock().people.keys().copied().collect()
    }

    /// Lets those go whose grace is over; who.
    pub(crate) fn settle(&self, now_ms: u64, grace_ms: u64) -> Vec<UserId> {
        let state = &mut *self.0.lock();
        let mut gone = Vec::new();
        while let Some((left_ms, user)) = state.leaving.pop_front_if(|(left_ms, _)| *left_ms + grace_ms <= now_ms) {
            let Some(person) = state.people.get_mut(&user) else { continue };
            if person.connected == 0 && person.gone_ms == left_ms {
                state.people.remove(&user);
                state.moves.push_back(OnlineMove { user, online: false, time_ms: left_ms });
                trim(&mut state.moves);
                state.stirred.insert(user);
                gone.push(user);
            } else if person.connected != person.shown && person.connected > 0 {
                person.shown = person.connected;
                state.stirred.insert(user);
            }
        }
        gone
    }

    /// Whose look may have changed since the last call.
    pub(crate) fn take_stirred(&self) -> Vec<UserId> {
        let mut stirred: Vec<UserId> = std::mem::take(&mut self.0.lock().stirred).into_iter().collect();
        stirred.sort_unstable();
        stirred
    }

    /// The next moves, at most so many.
    pub(crate) fn take_moves(&self, most: usize) -> Vec<OnlineMove> {
        let moves = &mut self.0.lock().moves;
        let count = moves.len().min(most);
        moves.drain(..count).collect()
    }

    /// Everybody is told again: nobody knows of them any more.
    pub(crate) fn tell_all(&self, now_ms: u64) {
        let state = &mut *self.0.lock();
        // Those whose coming waits to be told are among the people, too: told twice counts once.
        let all = state.people.iter().filter(|(_, person)| person.connected > 0);
        let moves = all.map(|(user, _)| OnlineMove { user: *user, online: true, time_ms: now_ms });
        state.moves.extend(moves);
        trim(&mut state.moves);
    }
}

fn trim(moves: &mut VecDeque<OnlineMove>) {
    let over = moves.len().saturating_sub(MOVES_MAX);
    moves.drain(..over);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(7);
    const GRACE_MS: u64 = 10_000;

    fn moves(here: &Here) -> Vec<(bool, u64)> {
        here.take_moves(100).iter().map(|told| (told.online, told.time_ms)).collect()
    }

    #[test]
    fn a_short_drop_shows_nowhere() {
        let here = Here::default();
        here.connect(ANN, false, 0);
        assert_eq!(here.take_stirred(), [ANN]);
        here.disconnect(ANN, 5_000);
        assert!(here.settle(14_999, GRACE_MS).is_empty());
        here.connect(ANN, true, 14_999);
        assert!(here.settle(30_000, GRACE_MS).is_empty() && here.take_stirred().is_empty());
        assert_eq!(moves(&here), [(true, 0)]);
    }

    #[test]
    fn a_new_session_within_the_grace_shows_nowhere_either() {
        let here = Here::default();
        here.connect(ANN, false, 0);
        here.take_stirred();
        here.disconnect(ANN, 1_000);
        here.connect(ANN, false, 3_000);
        assert!(here.settle(20_000, GRACE_MS).is_empty() && here.take_stirred().is_empty());
    }

    #[test]
    fn whoever_stays_away_was_here_until_the_drop() {
        let here = Here::default();
        here.connect(ANN, false, 0);
        here.disconnect(ANN, 1_000);
        here.connect(ANN, true, 2_000);
        here.disconnect(ANN, 3_000);
        assert!(here.settle(11_500, GRACE_MS).is_empty(), "the first drop was not the last");
        here.take_stirred();
        assert_eq!(here.settle(13_000, GRACE_MS), [ANN]);
        assert_eq!((here.take_stirred(), here.is_here(ANN)), (vec![ANN], false));
        assert_eq!(moves(&here), [(true, 0), (false, 3_000)]);
    }

    #[test]
    fn a_second_device_shows_and_so_does_its_end() {
        let here = Here::default();
        here.connect(ANN, false, 0);
        here.take_stirred();
        here.connect(ANN, false, 10);
        assert_eq!(here.take_stirred(), [ANN]);
        here.disconnect(ANN, 20);
        assert!(here.settle(GRACE_MS + 20, GRACE_MS).is_empty());
        assert_eq!(here.take_stirred(), [ANN]);
        assert_eq!(moves(&here), [(true, 0)]);
    }

    #[test]
    fn everybody_is_told_again_when_nobody_knows_of_them() {
        let here = Here::default();
        here.connect(ANN, false, 1);
        here.connect(UserId(8), false, 2);
        here.connect(UserId(9), false, 3);
        here.disconnect(UserId(9), 4);
        assert_eq!(here.take_moves(2).len(), 2);
        assert_eq!(moves(&here), [(true, 3)]);
        here.tell_all(9);
        assert_eq!(moves(&here), [(true, 9), (true, 9)]);
    }
}
