//! Draining a node: withdrawn, then asked to leave, then closed, then empty; within a bound, and to be called off at any time.

use std::{sync::Arc, time::Duration};

use skein_proto::v1::CloseCode;
use skein_service::now_ms;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use super::{
    gateways,
    notice::{DrainOrder, Phase},
};
use crate::{config::DrainConfig, hello::Shared, registry::Farewell};

/// Beyond the spread, links get this long to go before they are closed.
const GRACE: Duration = Duration::from_secs(2);
/// Between two looks at how many links are left.
const LOOK: Duration = Duration::from_millis(100);
/// Lists of gateways that differ in their order, so that clients do not all go to the same node first.
const ORDERS: usize = 32;

/// The drain of this node: what was ordered, and how far it is.
pub(crate) struct Drain {
    config: DrainConfig,
    order: watch::Sender<Option<Order>>,
    status: watch::Sender<DrainStatus>,
}

/// What was ordered last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Order {
    spread_ms: Option<u32>,
    stay: bool,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DrainStatus {
    pub(crate) phase: Phase,
    pub(crate) links_at_start: u64,
    /// When it ends at the latest, Unix milliseconds; 0 while serving.
    deadline_ms: u64,
    /// The process goes on when no link is left.
    pub(crate) stay: bool,
}

impl DrainStatus {
    /// Until it ends at the latest, in milliseconds; 0 while serving.
    pub(crate) fn remaining_ms(&self, now_ms: u64) -> u32 {
        u32::try_from(self.deadline_ms.saturating_sub(now_ms)).unwrap_or(u32::MAX)
    }
}

impl Drain {
    pub(crate) fn new(config: DrainConfig) -> Self {
        Self { config, order: watch::channel(None).0, status: watch::channel(DrainStatus::default()).0 }
    }

    /// Begins, changes or calls off the drain. Beginning it again goes on with the one that is under way; only whether the process stays is taken over.
    pub(crate) fn order(&self, order: &DrainOrder) {
        self.order.send_if_modified(|known| match known {
            _ if order.cancel => known.take().is_some(),
            Some(known) => {
                known.stay = order.stay;
                // Whoever drains looks at it in the end.
                self.status.send_modify(|status| status.stay = order.stay);
                false
            }
            None => {
                *known = Some(Order { spread_ms: order.spread_ms, stay: order.stay });
                true
            }
        });
    }

    /// How far it is.
    pub(crate) fn status(&self) -> DrainStatus {
        self.status.borrow().clone()
    }

    /// Tells of changes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<DrainStatus> {
        self.status.subscribe()
    }

    /// Whether new links are taken.
    pub(crate) fn takes_links(&self) -> bool {
        self.status.borrow().phase < Phase::Leaving
    }

    fn enter(&self, phase: Phase) {
        self.status.send_modify(|status| status.phase = phase);
    }
}

/// Carries out what is ordered; runs until it is dropped.
pub(crate) async fn drive(shared: Arc<Shared>) {
    let drain = &shared.cluster.drain;
    let mut orders = drain.order.subscribe();
    loop {
        let Ok(ordered) = orders.wait_for(Option::is_some).await.map(|order| order.clone()) else { return };
        let Some(order) = ordered else { continue };
        let emptied = async {
            empty(&shared, &order).await;
            tracing::info!("the node is drained");
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = emptied => {}
            cancelled = orders.wait_for(Option::is_none) => if cancelled.is_err() { return },
        }
        tracing::info!("the drain was called off");
        drain.status.send_replace(DrainStatus::default());
    }
}

/// Goes through the phases.
async fn empty(shared: &Shared, order: &Order) {
    let (drain, registry) = (&shared.cluster.drain, &shared.registry);
    // Alone, there is nowhere to go: clients wait for the next start anyway.
    let alone = shared.cluster.neighbours.list(now_ms()).is_empty() && order.spread_ms.is_none();
    let bound = Duration::from_secs(u64::from(drain.config.max_s));
    let deadline = Instant::now() + bound;
    let left = registry.links() as u64;
    drain.status.send_replace(DrainStatus {
        phase: Phase::Withdrawn,
        links_at_start: left,
        deadline_ms: now_ms() + bound.as_millis() as u64,
        stay: order.stay,
    });
    tracing::info!(links = left, "the node is being drained");
    let spread = if alone { 0 } else { order.spread_ms.unwrap_or(drain.config.spread_ms) };
    if !alone {
        // Others learn at once that nobody is to be sent here; balancers look now and then.
        let _ = timeout_at(deadline, sleep(Duration::from_millis(u64::from(drain.config.withdraw_ms)))).await;
    }
    drain.enter(Phase::Leaving);
    // The last ones leave before they are closed.
    let spread = Duration::from_millis(u64::from(spread)).min((deadline - Instant::now()).saturating_sub(GRACE));
    let leaving = Instant::now() + spread + if alone { Duration::ZERO } else { GRACE };
    if !alone {
        ask_to_leave(shared, spread).await;
    }
    until_empty(shared, leaving.min(deadline)).await;
    drain.enter(Phase::Closing);
    for shard in 0.. {
        if !registry.close_shard(shard, CloseCode::Shutdown) {
            break;
        }
        tokio::task::yield_now().await;
    }
    until_empty(shared, deadline).await;
    drain.enter(Phase::Drained);
}

/// Asks every link to leave within this time.
async fn ask_to_leave(shared: &Shared, spread: Duration) {
    let nodes = shared.cluster.neighbours.serving(now_ms());
    let after_ms = spread.as_millis() as u32;
    let farewells: Vec<Arc<Farewell>> =
        (0..ORDERS).map(|_| Arc::new(Farewell::new(gateways::shuffled(&nodes, fastrand::f64), after_ms))).collect();
    for shard in 0.. {
        if !shared.registry.ask_shard_to_leave(shard, &farewells) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until no link is left, at most until then.
async fn until_empty(shared: &Shared, end: Instant) {
    while shared.registry.links() > 0 && Instant::now() < end {
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(drain: &Drain) -> Option<Order> {
        drain.order.borrow().clone()
    }

    #[test]
    fn a_drain_is_begun_once_and_called_off() {
        let drain = Drain::new(DrainConfig::default());
        let order = |spread_ms, stay, cancel| DrainOrder { spread_ms, stay, cancel, ..Default::default() };
        drain.order(&order(Some(5), true, false));
        drain.order(&order(Some(9), false, false));
        assert_eq!(ordered(&drain), Some(Order { spread_ms: Some(5), stay: false }));
        drain.order(&order(None, false, true));
        assert_eq!(ordered(&drain), None);
        assert!(drain.takes_links());
    }
}
