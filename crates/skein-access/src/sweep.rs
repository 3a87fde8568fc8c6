//! What time does to sessions: one task looks at them by turns, a part of them each second, so that no connection needs a timer.

use std::{sync::Arc, time::Duration};

use skein_service::now_ms;

use crate::{config::AccessConfig, measure, registry::Registry};

/// Between two parts.
const INTERVAL: Duration = Duration::from_secs(1);
/// Each session is looked at so often within an interval of its heartbeat, but at least every [`PARTS_MAX`] seconds.
const LOOKS_PER_HEARTBEAT: u32 = 6;
/// A look at a session that has slept is a few cache misses, which is much beside what an idle connection costs otherwise.
const PARTS_MAX: u32 = 5;

/// Runs until it is dropped.
pub(crate) async fn run(registry: Arc<Registry>, config: AccessConfig) {
    let parts = parts(config.heartbeat_ms);
    let mut detached = vec![0; parts];
    let mut ticks = tokio::time::interval(INTERVAL);
    for part in (0..parts).cycle() {
        ticks.tick().await;
        let now_ms = now_ms();
        detached[part] = registry.sweep(part, parts, |state| state.judge(now_ms, config.resume_window_ms));
        measure::sessions(registry.links(), detached.iter().sum());
    }
}

/// In how many parts the sessions are looked at.
fn parts(heartbeat_ms: u32) -> usize {
    let seconds = heartbeat_ms / LOOKS_PER_HEARTBEAT / 1_000;
    seconds.clamp(1, PARTS_MAX) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_say_something_often_are_looked_at_often() {
        assert_eq!(parts(500), 1);
        assert_eq!(parts(12_000), 2);
        assert_eq!(parts(30_000), 5);
        assert_eq!(parts(300_000), 5);
    }
}
