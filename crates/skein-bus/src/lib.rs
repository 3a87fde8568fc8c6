//! The bus: how the service layer reaches the connections, on this node or another. Delivery is an optimisation:
//! what is lost here is found by a pull, because the timelines are the truth.
//!
//! Modules: [`local`], the in-process bus of a single node.

pub mod local;

use std::sync::Arc;

use async_trait::async_trait;
use skein_proto::{event::EncodedEvent, id::UserId, v1::CloseCode};

/// What the access layer is told.
#[derive(Clone, Debug)]
pub enum BusMessage {
    /// Push an event to every session of these users.
    Deliver {
        /// Receivers; shared, because one list serves all nodes.
        users: Arc<[UserId]>,
        /// Encoded once for all of them.
        event: Arc<EncodedEvent>,
        /// A device that knows already (the one that caused the event).
        skip_device: Option<Arc<str>>,
    },
    /// Close the links of a user: of one device, or of all.
    CloseLinks {
        /// Whose.
        user: UserId,
        /// Which device; `None` for all.
        device_id: Option<Arc<str>>,
        /// Told to the client; must be of the range that fits.
        code: CloseCode,
    },
}

/// The bus contract.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Hands a message to the nodes concerned. Waits while the (bounded) queue is full; never fails: what cannot be handed on is
    /// logged, counted and left to the pull. Messages of one publisher arrive in the order published.
    async fn publish(&self, message: BusMessage);
}
