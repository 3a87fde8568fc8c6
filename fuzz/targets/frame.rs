//! Frames of the link in both encodings: what is decoded survives both, and memory is bounded.

use skein_proto::{codec::Codec, session::decode_frame, v1};

use super::memory;

/// Longest text of a refusal, in bytes: it says where, and never quotes the input.
const REASON_BYTES_MAX: usize = 200;

pub(super) fn binary(data: &[u8]) {
    check(Codec::Binary, data);
}

pub(super) fn json(data: &[u8]) {
    check(Codec::Json, data);
}

fn check(codec: Codec, data: &[u8]) {
    match memory::within(memory::of_decoding(data.len()), || decode_frame(codec, data)) {
        Ok(frame) => {
            let bytes = Codec::Binary.encode(&frame);
            for other in [Codec::Binary, Codec::Json] {
                let again = decode_frame(other, &other.encode(&frame)).expect("what we encode can be decoded");
                // Bytes, because a number may be NaN, which does not equal itself.
                assert_eq!(Codec::Binary.encode::<v1::Frame>(&again), bytes, "{other:?} changes the frame");
            }
        }
        Err(malformed) => {
            let text = malformed.to_string();
            assert!((1..=REASON_BYTES_MAX).contains(&text.len()), "{text}");
        }
    }
}
