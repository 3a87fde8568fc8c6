//! The offline bundle: the newest messages of each conversation, compressed, beside a pull of the user timeline.

use std::io::{Error, Read as _};

use flate2::bufread::ZlibDecoder;
use skein_proto::{codec::Codec, limits::FRAME_BYTES_MAX, v1};

/// Largest bundle once it is unpacked, in bytes. Servers pack a quarter of it; a few bytes could otherwise become gigabytes.
pub const BUNDLE_BYTES_MAX: usize = FRAME_BYTES_MAX;

/// Why a bundle cannot be read. What it holds can be pulled without compression.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is not one zlib stream.
    #[error("the bundle is not compressed as it should be: {0}")]
    NotZlib(#[from] Error),
    /// It would take more than [`BUNDLE_BYTES_MAX`].
    #[error("the bundle is larger than {BUNDLE_BYTES_MAX} bytes")]
    TooLarge,
    /// What it holds is not a bundle.
    #[error(transparent)]
    Malformed(#[from] skein_proto::codec::Malformed),
}

/// Unpacks `bundle_zlib` of a [`v1::PullUserResponse`]. Stops at the limit, whatever the stream would become.
///
/// # Errors
/// [`BundleError`].
pub fn unpack_bundle(bundle_zlib: &[u8]) -> Result<Vec<v1::Message>, BundleError> {
    let mut stream = ZlibDecoder::new(bundle_zlib).take(BUNDLE_BYTES_MAX as u64 + 1);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    if bytes.len() > BUNDLE_BYTES_MAX {
        return Err(BundleError::TooLarge);
    }
    if !stream.into_inner().into_inner().is_empty() {
        return Err(Error::other("something follows it").into());
    }
    let bundle: v1::OfflineBundle = Codec::Binary.decode(&bytes)?;
    Ok(bundle.messages)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn compressed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bundle_comes_back() {
        let message = v1::Message { message_id: 7, seq: 1, ..Default::default() };
        let bundle = v1::OfflineBundle { messages: vec![message.clone(); 3], ..Default::default() };
        let packed = compressed(&Codec::Binary.encode(&bundle));
        assert_eq!(unpack_bundle(&packed).unwrap(), vec![message; 3]);
        assert!(matches!(unpack_bundle(&packed[..packed.len() - 1]), Err(BundleError::NotZlib(_))));
        assert!(matches!(unpack_bundle(&[&packed[..], b"x"].concat()), Err(BundleError::NotZlib(_))));
        assert!(matches!(unpack_bundle(&compressed(b"\xff")), Err(BundleError::Malformed(_))));
        assert!(matches!(unpack_bundle(b""), Err(BundleError::NotZlib(_))));
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let bomb = compressed(&vec![0; 64 << 20]);
        assert!(bomb.len() < 70_000, "{}", bomb.len());
        assert!(matches!(unpack_bundle(&bomb), Err(BundleError::TooLarge)));
    }
}
