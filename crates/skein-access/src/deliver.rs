//! From the bus into the sessions.

use std::sync::Arc;

use skein_bus::BusMessage;
use tokio::sync::mpsc::Receiver;

use crate::{measure, registry::Registry};

/// Bus messages taken at once.
const BATCH_MAX: usize = 256;

/// Runs until the bus ends.
pub(crate) async fn run(registry: Arc<Registry>, mut bus: Receiver<BusMessage>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while bus.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let mut delivered = 0;
        for message in batch.drain(..) {
            match message {
                BusMessage::Deliver { users, event, skip_device } => {
                    for user in users.iter() {
                        delivered += registry.push(*user, &event, skip_device.as_deref());
                    }
                }
                BusMessage::CloseLinks { user, device_id, code } => registry.close(user, device_id.as_deref(), code),
            }
        }
        measure::delivered(delivered);
    }
}
