//! The stream of events, and the upkeep of the outbox.

use std::{sync::Arc, time::Duration};

use skein_proto::{
    outbox::{EventKind, KindSet},
    v1::{self, ErrorCode},
};
use skein_store::outbox::EVENTS_TRIMMED_MAX;

use crate::{Failure, Result, Service};

/// Events that are read at once for a stream.
const PAGE_MAX: u32 = 200;
/// How often old events are looked for.
const TRIM_INTERVAL: Duration = Duration::from_secs(60);
/// Between two trims when there is more.
const TRIM_PAUSE: Duration = Duration::from_millis(200);

/// An event as a stream carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine {
    /// Where to go on after it.
    pub cursor: u64,
    /// What happened.
    pub kind: EventKind,
    /// As JSON, without the cursor.
    pub payload: String,
}

/// Some events in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLines {
    /// The events.
    pub lines: Vec<EventLine>,
    /// Where to go on.
    pub next: u64,
    /// There is more beyond it.
    pub has_more: bool,
}

impl EventLines {
    /// Leaves for the next page what is beyond this many bytes of payload.
    fn cut(&mut self, bytes_max: usize) {
        let mut bytes = 0;
        let fitting = self.lines.iter().take_while(|line| {
            bytes += line.payload.len();
            bytes <= bytes_max
        });
        let count = fitting.count().max(1);
        if count < self.lines.len() {
            self.lines.truncate(count);
            self.next = self.lines.last().map_or(self.next, |line| line.cursor);
            self.has_more = true;
        }
    }
}

impl Service {
    /// Streams of events that may be open at once.
    pub fn event_streams_max(&self) -> usize {
        self.admin.event_streams_max as usize
    }

    /// Where a stream begins and what it carries. No cursor begins with what happens from now on, 0 with the oldest event that is kept.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` (no such kind, or it is not kept), `WINDOW_PASSED` (events after the cursor are gone), or a failure of the store.
    pub async fn open_events(
        &self,
        after: Option<u64>,
        kinds: &[String],
    ) -> std::result::Result<(u64, KindSet), v1::Error> {
        self.begin_events(after, kinds).await.map_err(Into::into)
    }

    async fn begin_events(&self, after: Option<u64>, kinds: &[String]) -> Result<(u64, KindSet)> {
        let kept = self.event_kinds;
        if kept.is_empty() {
            let text =
                "this server keeps no events: set admin.event_kinds in its configuration, e.g. event_kinds = [\"*\"]";
            return Err(Failure::new(ErrorCode::Forbidden, text));
        }
        let kinds = match kinds {
            [] => kept,
            kinds => KindSet::parse(kinds).map_err(|error| Failure::invalid(error.to_string()))?,
        };
        if kinds.union(kept) != kept {
            return Err(Failure::invalid("some of these kinds are not kept; add them to admin.event_kinds"));
        }
        let bounds = self.store.lookup_event_bounds().await?;
        let after = match after {
            None => bounds.last,
            Some(0) => bounds.trimmed,
            Some(after) if after < bounds.trimmed => {
                let text =
                    format!("events up to cursor {} are gone; after=0 begins with the oldest kept", bounds.trimmed);
                return Err(Failure::new(ErrorCode::WindowPassed, text));
            }
            Some(after) if after > bounds.last => {
                return Err(Failure::invalid(format!("the newest event has the cursor {}", bounds.last)));
            }
            Some(after) => after,
        };
        Ok((after, kinds))
    }

    /// The next events of a stream; waits until there may be some when there are none.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn next_events(&self, after: u64, kinds: KindSet) -> std::result::Result<EventLines, v1::Error> {
        self.store.wait_for_events(after).await;
        self.event_lines(after, kinds).await
    }

    /// The same, at the latest after this time, and then perhaps none; as many as `bytes_max` allows for, but for the first, which always is there.
    pub(crate) async fn next_events_within(
        &self,
        after: u64,
        kinds: KindSet,
        wait: Duration,
        bytes_max: usize,
    ) -> std::result::Result<EventLines, v1::Error> {
        let _ = tokio::time::timeout(wait, self.store.wait_for_events(after)).await;
        let mut page = self.event_lines(after, kinds).await?;
        page.cut(bytes_max);
        Ok(page)
    }

    async fn event_lines(&self, after: u64, kinds: KindSet) -> std::result::Result<EventLines, v1::Error> {
        let page = self.store.list_events(after, kinds, PAGE_MAX).await.map_err(Failure::from)?;
        let line = |event: &skein_store::outbox::OutboxEvent| EventLine {
            cursor: event.position,
            kind: event.kind,
            payload: event.payload(),
        };
        Ok(EventLines { lines: page.events.iter().map(line).collect(), next: page.next, has_more: page.has_more })
    }

    /// Removes what is old, now and then. Never ends.
    pub async fn trim_outbox(self: Arc<Self>) {
        let retention_ms = self.admin.event_retention_h.saturating_mul(3_600_000);
        loop {
            let before_ms = self.now_ms().saturating_sub(retention_ms);
            let pause = match self.store.trim_events(before_ms).await {
                Ok(removed) if removed >= EVENTS_TRIMMED_MAX => TRIM_PAUSE,
                Ok(_) => TRIM_INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "old events could not be removed");
                    TRIM_INTERVAL
                }
            };
            tokio::time::sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_behind_what_fits() {
        let line = |cursor, bytes| EventLine { cursor, kind: EventKind::UserCreated, payload: "x".repeat(bytes) };
        let page = EventLines { lines: vec![line(3, 10), line(5, 10), line(6, 10)], next: 9, has_more: false };
        let cut = |bytes_max| {
            let mut page = page.clone();
            page.cut(bytes_max);
            (page.lines.len(), page.next, page.has_more)
        };
        assert_eq!(cut(30), (3, 9, false));
        assert_eq!(cut(29), (2, 5, true));
        assert_eq!(cut(1), (1, 3, true), "one always gets on");
        let mut none = EventLines { lines: Vec::new(), next: 9, has_more: false };
        none.cut(1);
        assert_eq!((none.next, none.has_more), (9, false));
    }
}
