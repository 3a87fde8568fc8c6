//! What a client keeps between two runs. The timeline is right without it; with it, it pulls less.

use parking_lot::Mutex;

use crate::timeline::Timeline;

/// Where the state of one login is kept. Losing it, or giving back an old one, costs a larger pull and nothing else.
pub trait Cache: Send + Sync + 'static {
    /// What was last stored; empty at first.
    fn load(&self) -> Timeline;
    /// Called after changes, at most about once a second, and at the end.
    fn store(&self, timeline: &Timeline);
}

/// Keeps nothing beyond the process; lets one client hand its state to the next.
#[derive(Debug, Default)]
pub struct MemoryCache(Mutex<Timeline>);

impl Cache for MemoryCache {
    fn load(&self) -> Timeline {
        self.0.lock().clone()
    }

    fn store(&self, timeline: &Timeline) {
        self.0.lock().clone_from(timeline);
    }
}

impl<C: Cache> Cache for std::sync::Arc<C> {
    fn load(&self) -> Timeline {
        (**self).load()
    }

    fn store(&self, timeline: &Timeline) {
        (**self).store(timeline);
    }
}
