//! Frames of the link in both encodings: what is decoded survives both, and memory is bounded.

use skein_proto::{
    codec::{Codec, Malformed},
    session::{decode_client_frame, decode_frame},
    v1::{self, frame::Body},
};

use super::{memory, same::assert_same};

/// Longest text of a refusal, in bytes: it says where, and never quotes the input.
const REASON_BYTES_MAX: usize = 200;
/// What decoding a frame of a client may take, in sizes of that frame: a body that becomes text is copied, escaped, and copied out.
const CLIENT_FRAME_FACTOR: usize = 8;

pub(super) fn binary(data: &[u8]) {
    check(Codec::Binary, data);
}

pub(super) fn json(data: &[u8]) {
    check(Codec::Json, data);
}

fn check(codec: Codec, data: &[u8]) {
    let decoded = decode_frame(codec, data);
    let of_client = memory::within(CLIENT_FRAME_FACTOR * data.len() + 16 * 1024, || decode_client_frame(codec, data));
    match (decoded, of_client) {
        (Ok(frame), of_client) => {
            for other in [Codec::Binary, Codec::Json] {
                let again = decode_frame(other, &other.encode(&frame)).expect("what we encode can be decoded");
                assert_same(&frame, &again, "encoded and decoded");
            }
            match of_client {
                Ok(of_client) => {
                    assert!(!is_of_server(&frame));
                    assert_same(&frame, &of_client, "decoded in two ways");
                }
                Err(refused) => check_reason(&refused),
            }
            if !is_of_server(&frame) {
                let again = decode_client_frame(codec, &codec.encode(&frame)).expect("a client may send it");
                assert_same(&frame, &again, "encoded and decoded as a client's");
            }
        }
        (Err(malformed), Err(refused)) => {
            check_reason(&malformed);
            check_reason(&refused);
        }
        (Err(_), Ok(_)) => panic!("a client may send what is no frame"),
    }
}

fn is_of_server(frame: &v1::Frame) -> bool {
    matches!(
        frame.body,
        Some(Body::Welcome(_) | Body::Response(_) | Body::Push(_) | Body::RoomPush(_) | Body::GoAway(_))
    )
}

fn check_reason(malformed: &Malformed) {
    let text = malformed.to_string();
    assert!((1..=REASON_BYTES_MAX).contains(&text.len()), "{text}");
}
