//! Room pushes as the generator reads them: whole and strictly, but each distinct one only once, because thousands of members get the same bytes.

use std::sync::Arc;

use parking_lot::RwLock;
use skein_proto::{
    codec::Codec,
    session::decode_frame,
    v1::{self, frame::Body},
};

use super::sender::STAMP_BYTES;

/// Pushes that are remembered; members are not further apart than so many.
const KNOWN_MAX: usize = 16;

/// What a member has to know of a frame.
#[derive(Debug, Default)]
pub struct Seen {
    pub first_offset: u64,
    pub next_offset: u64,
    pub messages: u64,
    pub lost: u64,
    /// The offsets in it are not in order, or not within it.
    pub disorder: bool,
    /// When each message was due, in microseconds since the start.
    pub due_us: Vec<u64>,
}

/// The last pushes, by their bytes.
#[derive(Default)]
pub struct Known(RwLock<Vec<(Vec<u8>, Arc<Seen>)>>);

impl Known {
    /// What is in a frame; `None` when it is not a push of a room.
    pub fn read(&self, payload: &[u8]) -> Option<Arc<Seen>> {
        if let Some((_, seen)) = self.0.read().iter().rev().find(|(bytes, _)| bytes == payload) {
            return Some(seen.clone());
        }
        let Some(Body::RoomPush(push)) = decode_frame(Codec::Binary, payload).ok()?.body else { return None };
        let seen = Arc::new(seen(&push));
        let mut known = self.0.write();
        if known.len() >= KNOWN_MAX {
            known.remove(0);
        }
        known.push((payload.to_vec(), seen.clone()));
        Some(seen)
    }
}

fn seen(push: &v1::RoomPush) -> Seen {
    let messages = push.messages.len() as u64;
    let next_offset = push.first_offset + messages + push.sampled;
    let offsets: Vec<u64> = push.messages.iter().map(|message| message.offset).collect();
    let within = offsets.iter().all(|offset| (push.first_offset..next_offset).contains(offset));
    let due = |message: &v1::RoomMessage| message.text.get(..STAMP_BYTES).and_then(|stamp| stamp.parse().ok());
    Seen {
        first_offset: push.first_offset,
        next_offset,
        messages,
        lost: push.lost,
        disorder: !within || !offsets.is_sorted_by(|a, b| a < b),
        due_us: push.messages.iter().filter_map(due).collect(),
    }
}
