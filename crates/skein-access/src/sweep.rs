//! What time does to sessions: one task looks at all of them once a second, so that no connection needs a timer.

use std::{sync::Arc, time::Duration};

use skein_service::now_ms;

use crate::{config::AccessConfig, measure, registry::Registry};

/// Between two sweeps.
const INTERVAL: Duration = Duration::from_secs(1);

/// Runs until it is dropped.
pub(crate) async fn run(registry: Arc<Registry>, config: AccessConfig) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let now_ms = now_ms();
        let (attached, detached) = registry.sweep(|state| state.judge(now_ms, config.resume_window_ms));
        measure::sessions(attached, detached);
    }
}
