//! Who is asking.

use std::sync::Arc;

use skein_proto::{id::UserId, v1};

/// An authenticated caller; made by [`crate::Service::authenticate`] and nowhere else.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The device the token was made for.
    pub device_id: Arc<str>,
    /// What the device runs on.
    pub platform: v1::Platform,
    /// Which log-in of the device: closing the links of one leaves those of later ones alone.
    pub generation: u64,
    /// End of the access token, Unix milliseconds.
    pub expires_ms: u64,
}
