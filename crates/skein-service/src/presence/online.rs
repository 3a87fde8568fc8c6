//! What nodes tell of who is connected to them, and what becomes of nodes that do not tell any more.

use std::{sync::Arc, time::Duration};

use skein_store::presence::{OnlineMove, RecordOnline};

use crate::{Result, Service};

/// Between two looks for nodes that are silent.
const LOOK: Duration = Duration::from_secs(10);
/// A node that has not told that it lives for so long does not, in milliseconds.
const SILENCE_MAX_MS: u64 = 30_000;
/// People who are taken off a silent node in one transaction.
const BATCH: u32 = 1_000;

/// What an access layer tells; also empty, because it says that the node lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnlineReport {
    /// Number of the node.
    pub node: u64,
    /// Counts its reports, from 1: a repeated one changes nothing.
    pub sequence: u64,
    /// In order.
    pub moves: Vec<OnlineMove>,
}

impl Service {
    /// The deployment's time ahead of UTC, in milliseconds.
    pub(super) fn day_offset_ms(&self) -> i64 {
        i64::from(self.config.day_offset_minutes) * 60_000
    }

    /// Keeps what a node tells. False: the node was not known, or had told this before: it has to tell who is connected to it.
    ///
    /// # Errors
    /// A failure of the store; the same may be told again.
    pub async fn report_online(&self, report: OnlineReport) -> Result<bool> {
        let OnlineReport { node, sequence, moves } = report;
        let (beat_ms, day_offset_ms) = (Some(self.now_ms()), self.day_offset_ms());
        Ok(self.store.record_online(RecordOnline { node, sequence, moves, beat_ms, day_offset_ms }).await?)
    }

    /// What this node told before it was started again ended with its last word. To be called before it tells anything.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn end_former_start(&self) -> Result<()> {
        let own = self.bus.number();
        // However the clock was set meanwhile.
        self.end_nodes(u64::MAX >> 1, |node| node == own).await
    }

    /// Ends the spans of nodes that are silent, at the moment when they last told something. Runs until it is dropped.
    pub async fn end_silent_nodes(self: Arc<Self>) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let since_ms = self.now_ms().saturating_sub(SILENCE_MAX_MS);
            if let Err(failure) = self.end_nodes(since_ms, |_| true).await {
                tracing::warn!(%failure, "nodes that are gone are counted later");
            }
        }
    }

    async fn end_nodes(&self, since_ms: u64, is_meant: impl Fn(u64) -> bool) -> Result<()> {
        for (node, beat_ms) in self.store.list_silent_nodes(since_ms).await? {
            if !is_meant(node) {
                continue;
            }
            loop {
                let users = self.store.list_online_users(node, BATCH).await?;
                if users.is_empty() {
                    break;
                }
                let ended = |user| OnlineMove { user, online: false, time_ms: beat_ms };
                let moves = users.into_iter().map(ended).collect();
                let day_offset_ms = self.day_offset_ms();
                self.store
                    .record_online(RecordOnline { node, sequence: 0, moves, beat_ms: None, day_offset_ms })
                    .await?;
            }
            self.store.forget_node(node).await?;
        }
        Ok(())
    }
}
