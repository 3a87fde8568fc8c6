//! Events on their way into JetStream: the outbox of the store on one side, NATS on the other.

use std::sync::Arc;

use async_trait::async_trait;
use skein_bus::{NatsConfig, nats::NatsStream};
use skein_proto::outbox::KindSet;
use skein_webhooks::EventStream;

use crate::command::Error;

/// Publishes to NATS what the outbox gives.
struct ToNats(NatsStream);

#[async_trait]
impl EventStream for ToNats {
    async fn publish(&self, kind: &str, id: &str, body: String) -> Result<(), String> {
        self.0.publish(kind, id, body).await
    }
}

/// The stream and what goes into it; `None` when the operator wants none.
///
/// # Errors
/// The configuration cannot be used.
pub async fn stream(config: &NatsConfig) -> Result<Option<(KindSet, Arc<dyn EventStream>)>, Error> {
    let kinds = KindSet::parse(&config.events.kinds).map_err(|error| format!("bus.nats.events.kinds: {error}"))?;
    if kinds == KindSet::EMPTY {
        return Ok(None);
    }
    Ok(Some((kinds, Arc::new(ToNats(NatsStream::open(config).await?)))))
}
