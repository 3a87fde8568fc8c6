//! Offline bundles: no stream becomes more than the limit, and what comes out is what was packed.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use skein_client::bundle::{BUNDLE_BYTES_MAX, BundleError, unpack_bundle};
use skein_proto::{codec::Codec, v1};

use super::{input::Input, memory};

/// State of the decompressor, the unpacked bytes while their buffer grows, and the messages made of them.
const MEMORY_BYTES_MAX: usize = 64 * 1024 + 3 * BUNDLE_BYTES_MAX + 12 * BUNDLE_BYTES_MAX;

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    // Half of the inputs are streams as they come; the others are packed first, so that what is inside is also varied, seldom with many repeats.
    let kind = input.byte();
    let repeats = if kind < 8 { usize::from(kind) * 512 } else { 1 };
    let rest = input.rest();
    let unpacked_bytes_max = 2 * BUNDLE_BYTES_MAX;
    let stream = if kind.is_multiple_of(2) {
        packed(&rest.repeat(repeats.clamp(1, 1 + unpacked_bytes_max / rest.len().max(1))))
    } else {
        rest.to_vec()
    };
    match memory::within(MEMORY_BYTES_MAX, || unpack_bundle(&stream)) {
        Ok(messages) => {
            let bundle = v1::OfflineBundle { messages, ..Default::default() };
            let bytes = Codec::Binary.encode(&bundle);
            let again = unpack_bundle(&packed(&bytes));
            if bytes.len() <= BUNDLE_BYTES_MAX {
                let again = v1::OfflineBundle { messages: again.expect("packed by us"), ..Default::default() };
                assert_eq!(Codec::Binary.encode(&again), bytes, "packed and unpacked");
            } else {
                assert!(matches!(again, Err(BundleError::TooLarge)));
            }
        }
        Err(error) => assert!(error.to_string().len() < 300, "{error}"),
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}
