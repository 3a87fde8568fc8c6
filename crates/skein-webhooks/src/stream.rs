//! Another way out than HTTP: a stream that keeps events, such as JetStream's.

use async_trait::async_trait;

/// Where events are stored one by one, for consumers of its own.
#[async_trait]
pub trait EventStream: Send + Sync {
    /// Stores the JSON text of an event under its kind; answers when it is safe there. The same id is the same event, delivered again.
    ///
    /// # Errors
    /// It is perhaps not stored, and will be given again; why, for the log.
    async fn publish(&self, kind: &str, id: &str, body: String) -> Result<(), String>;
}
