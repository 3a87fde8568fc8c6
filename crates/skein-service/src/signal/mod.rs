//! Signals: words between devices that are connected now. Nothing is stored, and nobody pulls them.
//!
//! In reading order: `send` (rules, and handing over), `budget` (how many one person may send), `waiting` (for replies), `reply`, `host` (for business systems).

mod budget;
mod host;
mod reply;
mod send;
mod waiting;

use std::time::Duration;

use skein_bus::CALL_MAX;
use skein_proto::{codec::Codec, limits::SIGNAL_REPLY_MS_MAX, v1};

pub(crate) use self::{budget::Budgets, waiting::Waiting};

/// What this node knows of signals that are on their way.
#[derive(Default)]
pub(crate) struct Signals {
    budgets: Budgets,
    waiting: Waiting,
}

/// How long the answer to an operation may take that another node runs: a signal waits for its reply.
pub(crate) fn patience(method: &str, codec: Codec, body: &[u8]) -> Duration {
    if !matches!(method, "SignalService/SendSignal" | "AdminService/SendSignal") {
        return CALL_MAX;
    }
    let request: v1::SendSignalRequest = codec.decode(body).unwrap_or_default();
    CALL_MAX + Duration::from_millis(u64::from(request.expects_reply_ms.min(SIGNAL_REPLY_MS_MAX)))
}
