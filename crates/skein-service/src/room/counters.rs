//! The counters of one room: summed up here, told as values. They never go back, also when another node takes the room over.

use std::collections::BTreeMap;

use skein_proto::{limits::ROOM_COUNTERS_MAX, v1};

/// All counters of a room.
#[derive(Debug, Default)]
pub(super) struct Counters {
    by_name: BTreeMap<String, Counter>,
}

#[derive(Debug, Default)]
struct Counter {
    /// What it was before this node kept the room, as far as it is known.
    before: u64,
    /// What came since.
    added: u64,
    /// The value that was told last, and what of it came since.
    told: u64,
    added_told: u64,
}

impl Counter {
    fn value(&self) -> u64 {
        self.before.saturating_add(self.added)
    }
}

impl Counters {
    /// Adds. False when there are too many counters for another one.
    pub(super) fn add(&mut self, name: &str, delta: u32) -> bool {
        if let Some(counter) = self.by_name.get_mut(name) {
            counter.added = counter.added.saturating_add(u64::from(delta));
            return true;
        }
        if self.by_name.len() >= ROOM_COUNTERS_MAX {
            return false;
        }
        let counter = Counter { added: u64::from(delta), ..Counter::default() };
        self.by_name.insert(name.to_owned(), counter);
        true
    }

    /// What a node was told. If it is more than we have told, it is from whoever keeps or kept the room, too: what we have told may be in it, what was added here
    /// after that is not.
    pub(super) fn learn(&mut self, name: &str, value: u64) {
        if !self.by_name.contains_key(name) && self.by_name.len() >= ROOM_COUNTERS_MAX {
            return;
        }
        let counter = self.by_name.entry(name.to_owned()).or_default();
        if value > counter.told {
            counter.before = counter.before.max(value.saturating_sub(counter.added_told));
        }
    }

    /// Whether any has changed since it was told.
    pub(super) fn have_changed(&self) -> bool {
        self.by_name.values().any(|counter| counter.value() != counter.told)
    }

    /// Those that have changed; told from now on.
    pub(super) fn take_changed(&mut self) -> Vec<v1::RoomCounter> {
        let changed = self.by_name.iter_mut().filter(|(_, counter)| counter.value() != counter.told);
        changed
            .map(|(name, counter)| {
                (counter.told, counter.added_told) = (counter.value(), counter.added);
                v1::RoomCounter { name: name.clone(), value: counter.told, ..Default::default() }
            })
            .collect()
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<v1::RoomCounter> {
        let all = self.by_name.iter();
        all.map(|(name, counter)| v1::RoomCounter { name: name.clone(), value: counter.value(), ..Default::default() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(counters: &[v1::RoomCounter]) -> Vec<(&str, u64)> {
        counters.iter().map(|counter| (counter.name.as_str(), counter.value)).collect()
    }

    #[test]
    fn changes_are_told_once_as_values() {
        let mut counters = Counters::default();
        assert!(counters.add("likes", 3) && counters.add("likes", 4) && counters.add("gifts", 1));
        assert!(counters.have_changed());
        assert_eq!(values(&counters.take_changed()), [("gifts", 1), ("likes", 7)]);
        assert!(!counters.have_changed() && counters.take_changed().is_empty());
        counters.add("likes", 1);
        assert_eq!(values(&counters.take_changed()), [("likes", 8)]);
        assert_eq!(values(&counters.all()), [("gifts", 1), ("likes", 8)]);
    }

    #[test]
    fn a_new_owner_goes_on_from_what_the_nodes_were_told() {
        let mut counters = Counters::default();
        counters.add("likes", 5);
        counters.learn("likes", 1_000);
        counters.learn("likes", 990);
        assert_eq!(values(&counters.take_changed()), [("likes", 1_005)]);
        // What is reported later was told by us.
        counters.learn("likes", 1_005);
        assert!(!counters.have_changed());
        counters.add("likes", 2);
        counters.learn("likes", 1_005);
        assert_eq!(values(&counters.all()), [("likes", 1_007)], "what was told is not what was added after it");
        counters.learn("likes", 2_000);
        assert_eq!(values(&counters.take_changed()), [("likes", 2_002)]);
    }

    #[test]
    fn who_kept_a_room_for_a_moment_and_keeps_it_again_has_told_nothing() {
        let mut counters = Counters::default();
        counters.add("likes", 1);
        // Others have told 40 meanwhile, without the one that was added here.
        counters.learn("likes", 40);
        assert_eq!(values(&counters.take_changed()), [("likes", 41)]);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut counters = Counters::default();
        assert!((0..ROOM_COUNTERS_MAX).all(|number| counters.add(&number.to_string(), 1)));
        assert!(!counters.add("one more", 1) && counters.add("0", 1));
        counters.learn("one more", 1);
        assert_eq!(counters.all().len(), ROOM_COUNTERS_MAX);
    }
}
