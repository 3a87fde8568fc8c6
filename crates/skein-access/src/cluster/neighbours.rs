//! What is known of the other access nodes. Times are given; nothing here has a clock.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::notice::Announcement;

/// A node that said nothing for this long is not known any more, in milliseconds.
const SILENCE_MAX_MS: u64 = 5_000;
/// When many fall silent at once, it may be us who do not hear: they are still named to clients for this long, in milliseconds.
const DOUBT_MAX_MS: u64 = 60_000;
/// Nodes that are kept in mind.
const NODES_MAX: usize = 1_024;

/// The other nodes, by name.
#[derive(Default)]
pub(crate) struct Neighbours {
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    announcement: Announcement,
    heard_ms: u64,
}

impl Neighbours {
    /// A node said this about itself.
    pub(crate) fn hear(&self, announcement: Announcement, now_ms: u64) {
        let mut known = self.known.lock();
        if announcement.leaving {
            known.remove(&announcement.name);
            return;
        }
        if known.len() >= NODES_MAX && !known.contains_key(&announcement.name) {
            known.retain(|_, node| node.heard_ms + SILENCE_MAX_MS >= now_ms);
            if known.len() >= NODES_MAX {
                return;
            }
        }
        known.insert(announcement.name.clone(), Known { announcement, heard_ms: now_ms });
    }

    /// All that were heard lately, by name.
    pub(crate) fn list(&self, now_ms: u64) -> Vec<Announcement> {
        self.heard_within(SILENCE_MAX_MS, now_ms)
    }

    fn heard_within(&self, silence_ms: u64, now_ms: u64) -> Vec<Announcement> {
        let known = self.known.lock();
        let heard = known.values().filter(|node| node.heard_ms + silence_ms >= now_ms);
        let mut nodes: Vec<_> = heard.map(|node| node.announcement.clone()).collect();
        nodes.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        nodes
    }

    /// Those that take clients. A list that has suddenly shrunk to less than half is not believed for a while.
    pub(crate) fn serving(&self, now_ms: u64) -> Vec<Announcement> {
        let [mut heard, mut known] =
            [SILENCE_MAX_MS, DOUBT_MAX_MS].map(|silence_ms| self.heard_within(silence_ms, now_ms));
        heard.retain(Announcement::takes_clients);
        known.retain(Announcement::takes_clients);
        if heard.len() * 2 < known.len() { known } else { heard }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Phase;

    fn node(name: &str, phase: Phase) -> Announcement {
        Announcement { name: name.to_owned(), phase, ..Default::default() }
    }

    fn names(nodes: &[Announcement]) -> Vec<&str> {
        nodes.iter().map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn nodes_are_known_while_they_speak() {
        let neighbours = Neighbours::default();
        neighbours.hear(node("b", Phase::Serving), 0);
        neighbours.hear(node("a", Phase::Leaving), 1_000);
        assert_eq!(names(&neighbours.list(5_000)), ["a", "b"]);
        assert_eq!(names(&neighbours.serving(5_000)), ["b"]);
        neighbours.hear(Announcement { sick: true, ..node("b", Phase::Serving) }, 1);
        assert!(neighbours.serving(5_000).is_empty());
        assert_eq!(names(&neighbours.list(5_002)), ["a"]);
        neighbours.hear(Announcement { leaving: true, ..node("a", Phase::Drained) }, 5_002);
        assert!(neighbours.list(5_002).is_empty());
    }

    #[test]
    fn a_list_that_shrinks_suddenly_is_not_believed_for_a_while() {
        let neighbours = Neighbours::default();
        for name in ["a", "b", "c", "d", "e"] {
            neighbours.hear(node(name, Phase::Serving), 0);
        }
        for name in ["a", "b"] {
            neighbours.hear(node(name, Phase::Serving), 6_000);
        }
        assert_eq!(neighbours.serving(6_000).len(), 5, "three at once: perhaps we do not hear well");
        assert_eq!(neighbours.list(6_000).len(), 2);
        neighbours.hear(node("c", Phase::Serving), 7_000);
        assert_eq!(names(&neighbours.serving(7_000)), ["a", "b", "c"], "two of five may well be gone");
        assert_eq!(neighbours.serving(20_000).len(), 5);
        assert!(neighbours.serving(67_001).is_empty());
        neighbours.hear(node("a", Phase::Leaving), 6_000);
        neighbours.hear(node("b", Phase::Withdrawn), 6_000);
        assert_eq!(names(&neighbours.serving(7_000)), ["c", "d", "e"], "who says that it goes is believed");
    }

    #[test]
    fn there_is_no_room_for_more_than_there_can_be() {
        let neighbours = Neighbours::default();
        (0..NODES_MAX + 10).for_each(|number| neighbours.hear(node(&number.to_string(), Phase::Serving), 0));
        assert_eq!(neighbours.list(0).len(), NODES_MAX);
        neighbours.hear(node("new", Phase::Serving), SILENCE_MAX_MS + 1);
        assert_eq!(names(&neighbours.list(SILENCE_MAX_MS + 1)), ["new"]);
    }
}
