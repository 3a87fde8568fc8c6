//! What access nodes tell one another, as JSON: nodes of two versions live beside each other, and take what they know of it.

use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skein_proto::v1;

/// Longest notice that is read, in bytes.
const NOTICE_BYTES_MAX: usize = 16 * 1024;
/// Addresses of one node.
pub(super) const ADDRESSES_MAX: usize = 8;
/// Longest address, in bytes.
pub(super) const ADDRESS_BYTES_MAX: usize = 256;

/// One notice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Notice {
    /// A node about itself.
    Node(Announcement),
    /// The node of this name is to be drained, or not to be any more.
    Drain(DrainOrder),
    /// An address is not accepted any more.
    Block(Block),
}

/// An address that was refused again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) address: IpAddr,
    /// For how long from now, in milliseconds.
    pub(crate) length_ms: u64,
}

/// How far a node is in being drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Not at all.
    #[default]
    Serving,
    /// Not ready and not offered any more.
    Withdrawn,
    /// Links were asked to leave, new ones are refused.
    Leaving,
    /// Links that stayed are closed.
    Closing,
    /// No link is left.
    Drained,
}

/// What a node says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Announcement {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) carrier: String,
    /// Where clients reach it.
    pub(crate) addresses: Vec<String>,
    /// Connected sessions, and how many it is made for.
    pub(crate) links: u64,
    pub(crate) links_max: u64,
    pub(crate) phase: Phase,
    /// While it is being drained: how many there were, and how long it takes at most.
    pub(crate) links_at_start: u64,
    pub(crate) remaining_ms: u32,
    /// It cannot serve, although it lives.
    pub(crate) sick: bool,
    /// The process ends.
    pub(crate) leaving: bool,
}

/// What is to be done about the drain of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DrainOrder {
    /// Which.
    pub(crate) name: String,
    /// Time in which clients leave; `None`: as configured there.
    pub(crate) spread_ms: Option<u32>,
    /// Serve again.
    pub(crate) cancel: bool,
    /// The process goes on without links.
    pub(crate) stay: bool,
}

impl Notice {
    /// The bytes for the bus.
    pub(crate) fn encode(&self) -> Bytes {
        // These types have no value that JSON cannot say.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// What these bytes say; `None` when they are of a kind that this version does not know, or over a limit.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > NOTICE_BYTES_MAX {
            return None;
        }
        let mut notice: Self = serde_json::from_slice(bytes).ok()?;
        if let Self::Node(announcement) = &mut notice {
            announcement.addresses.retain(|address| address.len() <= ADDRESS_BYTES_MAX);
            announcement.addresses.truncate(ADDRESSES_MAX);
        }
        Some(notice)
    }
}

impl Announcement {
    /// As the schema says it.
    pub(crate) fn to_wire(&self, answering: bool) -> v1::Node {
        v1::Node {
            name: self.name.clone(),
            phase: v1::NodePhase::from(self.phase).into(),
            links: self.links,
            links_max: self.links_max,
            links_at_start: self.links_at_start,
            remaining_ms: self.remaining_ms,
            region: self.region.clone(),
            addresses: self.addresses.clone(),
            answering,
            ..Default::default()
        }
    }
}

impl From<Phase> for v1::NodePhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Serving => Self::Serving,
            Phase::Withdrawn => Self::Withdrawn,
            Phase::Leaving => Self::Leaving,
            Phase::Closing => Self::Closing,
            Phase::Drained => Self::Drained,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood_and_the_rest_is_passed_over() {
        let announcement = Announcement { name: "a".to_owned(), links: 7, phase: Phase::Leaving, ..Default::default() };
        let notice = Notice::Node(announcement);
        assert_eq!(Notice::decode(&notice.encode()), Some(notice));
        let newer = br#"{"kind":"node","name":"a","mood":"good"}"#;
        assert!(matches!(Notice::decode(newer), Some(Notice::Node(node)) if node.name == "a"));
        for wrong in [&b""[..], b"{}", br#"{"kind":"song"}"#, b"\xff", &vec![b' '; NOTICE_BYTES_MAX + 1]] {
            assert_eq!(Notice::decode(wrong), None);
        }
    }

    #[test]
    fn a_node_cannot_fill_our_memory_with_addresses() {
        let addresses = (0..100).map(|port| format!("http://host:{port}")).chain(["x".repeat(1_000)]).collect();
        let notice = Notice::Node(Announcement { addresses, ..Default::default() });
        let Some(Notice::Node(heard)) = Notice::decode(&notice.encode()) else { panic!("not understood") };
        assert_eq!(heard.addresses.len(), ADDRESSES_MAX);
    }
}
