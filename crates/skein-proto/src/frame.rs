//! Records on a byte stream: a length of 4 bytes, big-endian, then that many bytes of payload.

use bytes::{Buf, Bytes, BytesMut};

/// Size of the length before each record, in bytes.
pub const PREFIX_BYTES: usize = 4;

/// The declared length is over the limit. Nothing was allocated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of {declared} bytes is over the limit")]
pub struct TooLarge {
    /// As declared by the peer.
    pub declared: u32,
}

/// Takes one record off the front of `input`; `None` until it is complete. Only bytes that have come are ever held: a declared
/// length allocates nothing.
///
/// # Errors
/// [`TooLarge`] when more than `bytes_max` are declared; the stream cannot be read on.
pub fn decode_record(input: &mut BytesMut, bytes_max: usize) -> Result<Option<Bytes>, TooLarge> {
    let Some(prefix) = input.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    let declared = u32::from_be_bytes(*prefix);
    let length = declared as usize;
    if length > bytes_max {
        return Err(TooLarge { declared });
    }
    if input.len() < PREFIX_BYTES + length {
        return Ok(None);
    }
    input.advance(PREFIX_BYTES);
    Ok(Some(input.split_to(length).freeze()))
}

/// Appends one record to `out`.
///
/// # Panics
/// When the payload is longer than `u32::MAX`; all our limits are far below.
pub fn encode_record(out: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("payloads are bounded by FRAME_BYTES_MAX");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_false_length_is_refused_before_anything_is_allocated() {
        let mut input = BytesMut::from(&[0xff, 0xff, 0xff, 0xff, 1][..]);
        assert_eq!(decode_record(&mut input, 1_000), Err(TooLarge { declared: u32::MAX }));
        let mut half = BytesMut::from(&[0, 0, 3, 0xe8, 1, 2][..]);
        assert_eq!(decode_record(&mut half, 1_000), Ok(None));
        assert!(half.capacity() < 100);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_records(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..10),
            chunk in 1_usize..40,
        ) {
            let mut stream = Vec::new();
            records.iter().for_each(|record| encode_record(&mut stream, record));
            let (mut input, mut seen) = (BytesMut::new(), Vec::new());
            for part in stream.chunks(chunk) {
                input.extend_from_slice(part);
                while let Some(record) = decode_record(&mut input, 50).unwrap() {
                    seen.push(record.to_vec());
                }
            }
            prop_assert_eq!(seen, records);
            prop_assert!(input.is_empty());
        }
    }
}
