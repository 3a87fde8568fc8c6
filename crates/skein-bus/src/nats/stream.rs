//! Events for business systems in a JetStream stream, stored there before the publisher goes on.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_nats::{
    ConnectOptions,
    jetstream::{
        self, Context,
        message::PublishMessage,
        stream::{Config, StorageType},
    },
};
use bytes::Bytes;

use super::{NatsError, connect, link};
use crate::{EventStreamConfig, NatsConfig};

/// How long the stream may take to store an event.
const STORE_MAX: Duration = Duration::from_secs(5);
/// Within this time the stream takes an id once; later it is up to the consumer to know it.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(2 * 60);
/// Waits between two attempts to connect.
const RECONNECT: Duration = Duration::from_secs(1);

/// A stream of events. NATS may come later, and go and come back; the stream is made when it is missing.
///
/// Subjects are `<prefix>.events.<kind>`, for example `skein.events.message.created`: consumers filter by them.
#[derive(Debug)]
pub struct NatsStream {
    context: Context,
    prefix: String,
    config: EventStreamConfig,
    /// The stream was there when last we looked, and every event was stored since.
    is_there: AtomicBool,
}

impl NatsStream {
    /// Over a connection of its own: a stream that is slow does not hold the bus up.
    ///
    /// # Errors
    /// A wrong configuration; never that NATS cannot be reached.
    pub async fn open(nats: &NatsConfig) -> Result<Self, NatsError> {
        nats.check().map_err(NatsError::Config)?;
        let options = ConnectOptions::new()
            .name("skein-events")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(|_| RECONNECT);
        let client = connect(nats, link::credentials(nats, options)).await?;
        let mut context = jetstream::new(client);
        context.set_timeout(STORE_MAX);
        let (prefix, config) = (nats.prefix.clone(), nats.events.clone());
        Ok(Self { context, prefix, config, is_there: AtomicBool::new(false) })
    }

    /// Stores an event; answers when the stream has it. The same id again, soon, is not stored again.
    ///
    /// # Errors
    /// The event is perhaps not stored; why, for the log.
    pub async fn publish(&self, kind: &str, id: &str, body: String) -> Result<(), String> {
        let published = tokio::time::timeout(STORE_MAX, self.try_publish(kind, id, body)).await;
        let published = published.unwrap_or_else(|_| Err(format!("not stored within {} s", STORE_MAX.as_secs())));
        self.is_there.store(published.is_ok(), Ordering::Relaxed);
        published
    }

    async fn try_publish(&self, kind: &str, id: &str, body: String) -> Result<(), String> {
        if !self.is_there.load(Ordering::Relaxed) {
            self.make().await?;
        }
        let subject = format!("{}.events.{kind}", self.prefix);
        let message = PublishMessage::build()
            .payload(Bytes::from(body))
            .message_id(id)
            .expected_stream(&self.config.stream)
            .outbound_message(subject);
        let (subject, headers, payload) = (message.subject, message.headers.unwrap_or_default(), message.payload);
        let stored = self.context.publish_with_headers(subject, headers, payload).await;
        stored.map_err(|error| error.to_string())?.await.map(drop).map_err(|error| error.to_string())
    }

    /// Makes the stream when there is none; one that is there belongs to the operator.
    async fn make(&self) -> Result<(), String> {
        let wanted = Config {
            name: self.config.stream.clone(),
            subjects: vec![format!("{}.events.>", self.prefix)],
            max_age: Duration::from_secs(self.config.retention_h.saturating_mul(3_600)),
            num_replicas: self.config.replicas.max(1),
            storage: StorageType::File,
            duplicate_window: DUPLICATE_WINDOW,
            ..Config::default()
        };
        let stream = self.context.get_or_create_stream(wanted).await.map_err(|error| error.to_string())?;
        let found = &stream.cached_info().config;
        if found.storage != StorageType::File {
            tracing::warn!(stream = found.name, "this stream is kept in memory: events are lost when NATS restarts");
        }
        Ok(())
    }
}
