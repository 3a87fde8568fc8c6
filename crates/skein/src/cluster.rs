//! Which bus a node has, and what it is to others.

use std::sync::Arc;

use skein_bus::{
    Bus, BusEnds, BusEngine, CALLS_MAX,
    local::LocalBus,
    nats::{NatsBus, NodeRole},
};
use tokio::sync::mpsc;

use crate::{
    command::Error,
    config::{Config, Role},
};

/// Joins the cluster, or is one of its own.
///
/// # Errors
/// The configuration contradicts itself or cannot be used.
pub async fn join(config: &Config) -> Result<BusEnds<dyn Bus>, Error> {
    match config.bus.engine {
        BusEngine::Local if config.role != Role::All => {
            Err("a node with a role of its own needs others: set bus.engine to \"nats\"".into())
        }
        BusEngine::Local => {
            let (bus, deliveries) = LocalBus::new();
            Ok(BusEnds { bus: Arc::new(bus), deliveries, calls: mpsc::channel(CALLS_MAX).1 })
        }
        BusEngine::Nats => {
            let BusEnds { bus, deliveries, calls } = NatsBus::join(&config.bus.nats, role(config.role)).await?;
            let servers: Vec<String> = config.bus.nats.places().collect();
            tracing::info!(servers = servers.join(" "), "this node is part of a cluster over NATS");
            Ok(BusEnds { bus, deliveries, calls })
        }
    }
}

fn role(role: Role) -> NodeRole {
    NodeRole { serves: role != Role::Access, delivers: role != Role::Service }
}
