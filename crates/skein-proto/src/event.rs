//! A pushed event, encoded once for all its receivers.

use std::sync::OnceLock;

use buffa::Message as _;
use bytes::Bytes;

use crate::{codec::Codec, v1};

/// One event with its encodings, each made at most once, on first use, whatever the number of receivers.
#[derive(Debug)]
pub struct EncodedEvent {
    event: OnceLock<v1::Event>,
    binary: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
}

impl EncodedEvent {
    /// Wraps an event; nothing is encoded yet.
    pub fn new(body: impl Into<v1::event::Body>) -> Self {
        let event = v1::Event { body: Some(body.into()), ..Default::default() };
        Self { event: event.into(), binary: OnceLock::new(), json: OnceLock::new() }
    }
    /// An event that another node has encoded; nothing is decoded unless somebody wants JSON.
    pub fn from_encoded(binary: Bytes) -> Self {
        Self { event: OnceLock::new(), binary: binary.into(), json: OnceLock::new() }
    }
    /// The event itself. Bytes that are none are an event without a body, which clients ignore.
    pub fn event(&self) -> &v1::Event {
        self.event.get_or_init(|| {
            let binary = self.binary.get().map_or(&[][..], |binary| &binary[..]);
            Codec::Binary.decode(binary).unwrap_or_default()
        })
    }
    /// When the event was made, Unix milliseconds, if it is one that nobody needs later: a signal.
    pub fn passing_ms(&self) -> Option<u64> {
        match &self.event().body {
            Some(v1::event::Body::Signal(signal)) => Some(signal.time_ms),
            _ => None,
        }
    }
    /// The bytes of this event as one element of `Push.events`, without tag and length (binary), or as a JSON object.
    pub fn encoded(&self, codec: Codec) -> &Bytes {
        match codec {
            Codec::Binary => self.binary.get_or_init(|| Bytes::from(self.event().encode_to_vec())),
            Codec::Json => self.json.get_or_init(|| Codec::Json.encode(self.event())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_another_node_is_the_same_in_every_codec() {
        let made = EncodedEvent::new(v1::TimelineEvent { version: 7, ..Default::default() });
        let came = EncodedEvent::from_encoded(made.encoded(Codec::Binary).clone());
        for codec in [Codec::Json, Codec::Binary] {
            assert_eq!(came.encoded(codec), made.encoded(codec));
        }
        let broken = EncodedEvent::from_encoded(Bytes::from_static(&[0xff; 9]));
        assert_eq!(broken.encoded(Codec::Json), "{}".as_bytes());
    }
}
