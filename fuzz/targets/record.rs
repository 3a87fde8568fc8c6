//! Records behind a length: however a stream is cut, the same records come; what is held is what has come.

use bytes::{Bytes, BytesMut};
use skein_proto::frame::{PREFIX_BYTES, TooLarge, decode_record, encode_record};

use super::{
    input::{Chunks, Input},
    memory,
};

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (seed, bytes_max) = (input.u16(), usize::from(input.byte()) * 4);
    let stream = input.rest();
    let (mut records, mut parts) = (Vec::new(), Vec::new());
    let end = read([stream], bytes_max, |record| records.push(record));
    assert_eq!(read(Chunks::new(stream, seed), bytes_max, |record| parts.push(record)), end);
    assert_eq!(parts, records, "chunks change what is read");
    // A record, the chunk behind it, and the room that a growing buffer takes; however much comes in all.
    memory::within(4 * bytes_max + 4_096, || read(Chunks::new(stream, seed), bytes_max, drop)).ok();
    let mut encoded = Vec::new();
    for record in &records {
        assert!(record.len() <= bytes_max);
        encode_record(&mut encoded, record);
    }
    assert!(stream.starts_with(&encoded), "what was read encodes to what was sent");
    match end {
        Ok(left) => assert_eq!(encoded.len() + left, stream.len(), "nothing is lost"),
        Err(TooLarge { declared }) => {
            assert!(declared as usize > bytes_max);
            assert_eq!(stream[encoded.len()..][..PREFIX_BYTES], declared.to_be_bytes());
        }
    }
}

/// Hands on the records of a stream. Gives the number of bytes that are left of an unfinished one.
fn read<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
    bytes_max: usize,
    mut take: impl FnMut(Bytes),
) -> Result<usize, TooLarge> {
    let mut input = BytesMut::new();
    for chunk in chunks {
        input.extend_from_slice(chunk);
        while let Some(record) = decode_record(&mut input, bytes_max)? {
            take(record);
        }
    }
    Ok(input.len())
}
