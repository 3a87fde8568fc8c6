//! What a node with the rules runs beside its sockets: the store, the service layer, and the work that nobody waits for. Access nodes have none of it.

use std::sync::Arc;

use skein_bus::{Bus, Call};
use skein_service::{Service, answer_calls};
use skein_webhooks::{Before, Webhooks, webhooks::Running};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{command::Error, config::Config, events, store::OpenStore};

/// The running layers below the sockets.
pub struct Rules {
    store: OpenStore,
    service: Arc<Service>,
    webhooks: Running,
    /// Mailings, and the upkeep of the outbox.
    background: [JoinHandle<()>; 3],
}

impl Rules {
    /// Opens the store, puts the service layer on it, and answers the calls of access nodes.
    ///
    /// # Errors
    /// The configuration cannot be used, or the store does not answer.
    pub async fn start(config: &Config, bus: Arc<dyn Bus>, calls: mpsc::Receiver<Call>) -> Result<Self, Error> {
        let store = OpenStore::open(config).await?;
        let webhooks = match events::stream(&config.bus.nats).await? {
            Some((kinds, stream)) => Webhooks::new(config.webhooks.clone())?.with_stream(kinds, stream)?,
            None => Webhooks::new(config.webhooks.clone())?,
        };
        let (rules, admin) = (config.service.clone(), config.admin.clone());
        let service = Service::start_with(store.contract(), bus, rules, admin, webhooks.kinds()).await?;
        if let Some(before) = &config.webhooks.before_message {
            service.set_before_message(Arc::new(Before::new(before)?));
        }
        let webhooks = webhooks.start(store.contract()).await?;
        service.end_former_start().await?;
        let background = [
            tokio::spawn(service.clone().carry_mailings()),
            tokio::spawn(service.clone().trim_outbox()),
            tokio::spawn(service.clone().end_silent_nodes()),
        ];
        tokio::spawn(answer_calls(service.clone(), calls));
        Ok(Self { store, service, webhooks, background })
    }

    /// For this node's own sockets.
    pub fn service(&self) -> Arc<Service> {
        self.service.clone()
    }

    /// Completes when the store has stopped by itself for good.
    pub async fn failed(&self) {
        self.store.failed().await;
    }

    /// Takes up nothing more of what nobody waits for; operations go on.
    pub async fn stop(&self) {
        self.background.iter().for_each(JoinHandle::abort);
        self.webhooks.shutdown().await;
    }

    /// Finishes what was accepted. After [`Rules::stop`], and when no calls come any more.
    pub async fn close(self) {
        self.store.close().await;
    }
}
