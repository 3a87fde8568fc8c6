//! Saying how this node is, and taking what others say.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use skein_bus::BusMessage;
use skein_service::now_ms;
use tokio::time::MissedTickBehavior;

use super::notice::{Announcement, Block, Notice, Phase};
use crate::{hello::Shared, measure};

/// Between two announcements without a change.
const INTERVAL: Duration = Duration::from_secs(1);
/// A node that needs longer than this to say that it can serve is not named to clients.
const READY_MAX: Duration = Duration::from_secs(2);

/// Runs until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut status = shared.cluster.drain.subscribe();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = status.changed() => if changed.is_err() { return },
        }
        shared.announce(false).await;
        for (address, length_ms) in shared.guard.take_news() {
            let block = Notice::Block(Block { address, length_ms });
            shared.bus.publish(BusMessage::Notice(block.encode())).await;
        }
    }
}

/// Takes a notice of another node.
pub(crate) fn hear(shared: &Shared, notice: &[u8]) {
    match Notice::decode(notice) {
        Some(Notice::Node(node)) if node.name != shared.cluster.name => {
            shared.cluster.neighbours.hear(node, now_ms());
        }
        Some(Notice::Node(node)) => {
            tracing::warn!(name = node.name, "two nodes have the same access.name; give them different ones");
        }
        Some(Notice::Drain(order)) if order.name == shared.cluster.name => shared.cluster.drain.order(&order),
        Some(Notice::Drain(_)) => {}
        Some(Notice::Block(block)) => shared.guard.block(block.address, block.length_ms, now_ms()),
        None => tracing::debug!("a notice that is not understood"),
    }
}

impl Shared {
    /// Tells the others how this node is; `leaving` when it ends.
    pub(crate) async fn announce(&self, leaving: bool) {
        let announcement = self.announcement();
        // Of a node that goes, nobody needs to know how it feels: it is told at once.
        let sick = announcement.phase == Phase::Serving && !leaving && !self.is_ready().await;
        self.cluster.sick.store(sick, Ordering::Relaxed);
        let announcement = Announcement { leaving, sick, ..announcement };
        measure::drain(announcement.phase, announcement.links);
        self.bus.publish(BusMessage::Notice(Notice::Node(announcement).encode())).await;
    }

    async fn is_ready(&self) -> bool {
        matches!(tokio::time::timeout(READY_MAX, self.gate.ready()).await, Ok(Ok(())))
    }

    /// How this node is.
    pub(crate) fn announcement(&self) -> Announcement {
        let status = self.cluster.drain.status();
        Announcement {
            name: self.cluster.name.clone(),
            region: self.config.region.clone(),
            carrier: self.config.carrier.clone(),
            addresses: self.config.advertise.clone(),
            links: self.registry.links() as u64,
            links_max: self.config.links_max,
            phase: status.phase,
            links_at_start: status.links_at_start,
            remaining_ms: status.remaining_ms(now_ms()),
            sick: self.cluster.sick.load(Ordering::Relaxed),
            leaving: false,
        }
    }
}
