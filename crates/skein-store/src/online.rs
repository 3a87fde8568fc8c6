//! The arithmetic of online time, which all engines share: spans of nodes become intervals, intervals become days. No database here.

use std::collections::{BTreeMap, BTreeSet};

use skein_proto::id::UserId;

use crate::presence::{Days, OnlineDay, RecordOnline};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// A node lives for so long after it last said so, as far as spans on other nodes are concerned, in milliseconds.
const TRUSTED_MS: u64 = 15_000;

/// Somebody was connected to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Which node.
    pub node: u64,
    /// From, Unix milliseconds.
    pub opened_ms: u64,
    /// To, Unix milliseconds; 0: still.
    pub closed_ms: u64,
}

/// What has to be written.
#[derive(Debug, Default)]
pub struct OnlineChanges {
    /// All spans that these users have from now on.
    pub spans: BTreeMap<UserId, BTreeSet<Span>>,
    /// To be added to what is counted; each day of each user once.
    pub days: Vec<OnlineDay>,
    /// When these were last there.
    pub last_seen: BTreeMap<UserId, u64>,
}

/// Applies what a node tells to all spans of the users concerned. `beat_of`: when nodes last lived.
pub fn apply(
    mut spans: BTreeMap<UserId, BTreeSet<Span>>,
    record: &RecordOnline,
    beat_of: impl Fn(u64) -> Option<u64>,
) -> OnlineChanges {
    let mut changes = OnlineChanges::default();
    for told in &record.moves {
        let known = spans.entry(told.user).or_default();
        let open = known.iter().copied().find(|span| span.node == record.node && span.closed_ms == 0);
        match (open, told.online) {
            (None, true) => {
                known.insert(Span { node: record.node, opened_ms: told.time_ms, closed_ms: 0 });
            }
            (Some(open), false) => {
                known.remove(&open);
                let closed = Span { closed_ms: told.time_ms.max(open.opened_ms), ..open };
                let seen = changes.last_seen.entry(told.user).or_default();
                *seen = closed.closed_ms.max(*seen);
                let covers = |other: &Span| {
                    let trusted = beat_of(other.node).is_some_and(|beat_ms| beat_ms + TRUSTED_MS >= closed.closed_ms);
                    other.closed_ms == 0 && other.opened_ms <= closed.opened_ms && trusted
                };
                // What lies within another span is counted with that one.
                if !known.iter().any(covers) {
                    known.insert(closed);
                }
                if known.iter().all(|span| span.closed_ms > 0) {
                    let intervals = union(known.iter().map(|span| (span.opened_ms, span.closed_ms)));
                    changes.days.extend(split(told.user, &intervals, record.day_offset_ms));
                    known.clear();
                }
            }
            _ => {}
        }
    }
    // Somebody who came and went twice has two parts of one day.
    changes.days = summed(changes.days);
    changes.spans = spans;
    changes
}

/// What is counted of these days already, and what spans that are not counted yet add to it.
pub fn days(
    counted: Vec<OnlineDay>,
    spans: BTreeMap<UserId, BTreeSet<Span>>,
    days: Days,
    beat_of: impl Fn(u64) -> Option<u64>,
) -> Vec<OnlineDay> {
    let live = spans.into_iter().flat_map(|(user, spans)| {
        let end = |span: &Span| match span.closed_ms {
            0 => beat_of(span.node).unwrap_or(span.opened_ms).max(span.opened_ms),
            closed_ms => closed_ms,
        };
        let intervals = union(spans.iter().map(|span| (span.opened_ms, end(span))));
        split(user, &intervals, days.offset_ms)
    });
    summed(counted.into_iter().chain(live).filter(|day| (days.from..=days.to).contains(&day.day)))
}

/// The parts of each day of each user together, by user and day.
fn summed(parts: impl IntoIterator<Item = OnlineDay>) -> Vec<OnlineDay> {
    let mut all: BTreeMap<(UserId, i64), OnlineDay> = BTreeMap::new();
    for part in parts {
        all.entry((part.user, part.day)).and_modify(|known| *known = added(*known, part)).or_insert(part);
    }
    all.into_values().collect()
}

/// Two parts of one day together.
fn added(one: OnlineDay, other: OnlineDay) -> OnlineDay {
    OnlineDay {
        online_ms: one.online_ms.saturating_add(other.online_ms),
        first_ms: one.first_ms.min(other.first_ms),
        last_ms: one.last_ms.max(other.last_ms),
        ..one
    }
}

/// When these days begin and end, Unix milliseconds; the end is not included.
pub fn bounds(days: Days) -> (i64, i64) {
    let start = |day: i64| day.saturating_mul(DAY_MS).saturating_sub(days.offset_ms);
    (start(days.from), start(days.to.saturating_add(1)))
}

/// The day of a moment.
pub fn day_of(time_ms: u64, offset_ms: i64) -> i64 {
    i64::try_from(time_ms).unwrap_or(i64::MAX).saturating_add(offset_ms).div_euclid(DAY_MS)
}

/// Intervals without overlaps, in order.
fn union(intervals: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut sorted: Vec<(u64, u64)> = intervals.collect();
    sorted.sort_unstable();
    let mut whole: Vec<(u64, u64)> = Vec::new();
    for (from, to) in sorted {
        match whole.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => whole.push((from, to)),
        }
    }
    whole
}

/// The days that intervals lie in.
fn split(user: UserId, intervals: &[(u64, u64)], offset_ms: i64) -> Vec<OnlineDay> {
    let mut parts = Vec::new();
    for (from, to) in intervals {
        for day in day_of(*from, offset_ms)..=day_of(*to, offset_ms) {
            let (start, end) = bounds(Days { from: day, to: day, offset_ms });
            let (first_ms, last_ms) = ((*from).max(start.max(0) as u64), (*to).min(end.max(0) as u64));
            if first_ms == last_ms && from != to {
                continue;
            }
            parts.push(OnlineDay { user, day, online_ms: last_ms - first_ms, first_ms, last_ms });
        }
    }
    summed(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::presence::OnlineMove;

    const ANN: UserId = UserId(7);
    const HOUR_MS: u64 = 3_600_000;

    fn told(node: u64, online: bool, time_ms: u64) -> RecordOnline {
        let moves = vec![OnlineMove { user: ANN, online, time_ms }];
        RecordOnline { node, moves, ..Default::default() }
    }

    #[test]
    fn a_night_is_split_at_midnight_of_the_deployment() {
        let days = |offset_ms| split(ANN, &[(22 * HOUR_MS, 27 * HOUR_MS)], offset_ms);
        let of = |days: Vec<OnlineDay>| days.iter().map(|day| (day.day, day.online_ms / HOUR_MS)).collect::<Vec<_>>();
        assert_eq!(of(days(0)), [(0, 2), (1, 3)]);
        assert_eq!(of(days(8 * HOUR_MS as i64)), [(1, 5)]);
        assert_eq!(of(split(ANN, &[(5, 5)], 0)), [(0, 0)], "a moment is a day, too");
    }

    #[test]
    fn what_was_told_twice_counts_once() {
        let beat = |_| Some(u64::MAX / 2);
        let mut spans = BTreeMap::new();
        for _ in 0..2 {
            spans = apply(spans, &told(1, true, 100), beat).spans;
        }
        let closed = apply(spans, &told(1, false, 400), beat);
        assert_eq!((closed.days[0].online_ms, closed.last_seen[&ANN]), (300, 400));
        assert!(apply(closed.spans, &told(1, false, 400), beat).days.is_empty());
    }

    proptest! {
        #[test]
        fn overlapping_nodes_count_once(mut times in prop::collection::vec((0..4_u64, 0..5_000_u64), 1..30)) {
            times.sort_by_key(|(_, at)| *at);
            let beat = |_| Some(1_000_000);
            let (mut spans, mut total) = (BTreeMap::new(), 0);
            let mut open: BTreeMap<u64, u64> = BTreeMap::new();
            let mut expected = BTreeSet::new();
            let last = times.last().map_or(0, |(_, at)| *at);
            let ends = (0..4).map(|node| (node, last + 1));
            for (at, (node, time_ms)) in times.iter().copied().chain(ends).enumerate() {
                let online = !open.contains_key(&node) && at < times.len();
                if let Some(from) = open.remove(&node) {
                    expected.extend(from..time_ms);
                }
                if online {
                    open.insert(node, time_ms);
                }
                let changes = apply(spans, &told(node, online, time_ms), beat);
                total += changes.days.iter().map(|day| day.online_ms).sum::<u64>();
                spans = changes.spans;
            }
            prop_assert!(spans.values().all(BTreeSet::is_empty));
            prop_assert_eq!(total, expected.len() as u64);
        }
    }
}
