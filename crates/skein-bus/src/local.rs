//! The bus of a single node: a bounded queue between the service layer and the access layer of one process.

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{Bus, BusMessage};

/// Messages that may wait between the layers.
pub const LOCAL_QUEUE_MAX: usize = 16_384;

/// Publishing end; the receiving end goes to the access layer.
#[derive(Clone, Debug)]
pub struct LocalBus(mpsc::Sender<BusMessage>);

impl LocalBus {
    /// A bus and its only subscriber.
    pub fn new() -> (Self, mpsc::Receiver<BusMessage>) {
        let (sender, receiver) = mpsc::channel(LOCAL_QUEUE_MAX);
        (Self(sender), receiver)
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, message: BusMessage) {
        if self.0.send(message).await.is_err() {
            tracing::debug!("bus message after the access layer has stopped");
        }
    }
}
