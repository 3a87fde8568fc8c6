//! Bodies in the two encodings that every transport speaks: protobuf binary and its JSON mapping.

use buffa::{DecodeOptions, Message};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::limits::FRAME_BYTES_MAX;

/// Which encoding a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Protobuf binary.
    Binary,
    /// The protobuf JSON mapping, UTF-8 text.
    Json,
}

/// The bytes are not the declared message. The text says where, without quoting the input.
#[derive(Debug, thiserror::Error)]
#[error("malformed {0}")]
pub struct Malformed(pub String);

/// Any generated message.
pub trait Body: Message + Serialize + DeserializeOwned + Default {}
impl<T: Message + Serialize + DeserializeOwned + Default> Body for T {}

impl Codec {
    /// Decodes one message; memory is bounded by the size of `bytes`, unknown fields are ignored.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are not a `T`.
    pub fn decode<T: Body>(self, bytes: &[u8]) -> Result<T, Malformed> {
        match self {
            Codec::Binary => DecodeOptions::new()
                .with_max_message_size(FRAME_BYTES_MAX.max(bytes.len()))
                .with_element_memory_limit(4 * FRAME_BYTES_MAX)
                .decode_from_slice(bytes)
                .map_err(|error| Malformed(format!("protobuf: {error}"))),
            Codec::Json if bytes.is_empty() => Ok(T::default()),
            Codec::Json => serde_json::from_slice(bytes)
                .map_err(|error| Malformed(format!("JSON at line {} column {}", error.line(), error.column()))),
        }
    }

    /// Encodes one message.
    pub fn encode<T: Body>(self, message: &T) -> Bytes {
        match self {
            Codec::Binary => Bytes::from(message.encode_to_vec()),
            Codec::Json => Bytes::from(serde_json::to_vec(message).expect("generated messages have string keys and finite values")),
        }
    }
}
