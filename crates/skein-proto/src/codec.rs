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
            Codec::Json => serde_json::from_slice(bytes).map_err(|error| Malformed(json_place(&error))),
        }
    }

    /// Decodes a request as [`Codec::decode`] does, but refuses JSON with a field that the schema does not have: a
    /// person typed it, and would otherwise wonder why it does nothing. Binary keeps ignoring unknown fields, so that newer
    /// clients can talk to older servers.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are not a `T`, or name an unknown field.
    pub fn decode_request<T: Body>(self, bytes: &[u8]) -> Result<T, Malformed> {
        if self == Codec::Binary || bytes.is_empty() {
            return self.decode(bytes);
        }
        let mut unknown = None;
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let request = serde_ignored::deserialize(&mut deserializer, |path| {
            unknown.get_or_insert_with(|| path.to_string());
        })
        .and_then(|request| deserializer.end().map(|()| request))
        .map_err(|error| Malformed(json_place(&error)))?;
        match unknown {
            Some(path) => {
                Err(Malformed(format!("JSON: there is no field {}", path.chars().take(64).collect::<String>())))
            }
            None => Ok(request),
        }
    }

    /// Encodes one message.
    pub fn encode<T: Body>(self, message: &T) -> Bytes {
        match self {
            Codec::Binary => Bytes::from(message.encode_to_vec()),
            Codec::Json => {
                Bytes::from(serde_json::to_vec(message).expect("generated messages have string keys and finite values"))
            }
        }
    }
}

/// Where JSON is wrong, and for a value of the wrong kind also how; never the input itself.
fn json_place(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a value of the wrong kind",
        serde_json::error::Category::Eof => "unexpected end",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "a syntax error",
    };
    format!("JSON: {kind} at line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{LogInRequest, SendMessageRequest};

    #[test]
    fn json_requests_name_the_unknown_field() {
        let good: SendMessageRequest = Codec::Json
            .decode_request(br#"{"userId":"7","content":{"text":{"text":"hi"},"mentions":[{"userId":9}]}}"#)
            .unwrap();
        assert_eq!(good.content.mentions[0].user_id, 9);
        let typo = Codec::Json.decode_request::<SendMessageRequest>(br#"{"content":{"txet":{}}}"#).unwrap_err();
        assert!(typo.to_string().contains("content"), "{typo}");
        assert!(typo.to_string().contains("txet"), "{typo}");
        let trailing = Codec::Json.decode_request::<LogInRequest>(br#"{"username":"a"} x"#).unwrap_err();
        assert!(trailing.to_string().contains("column"), "{trailing}");
    }

    #[test]
    fn binary_ignores_what_it_does_not_know() {
        // Field 999, varint 1.
        let decoded: LogInRequest = Codec::Binary.decode_request(&[0xb8, 0x3e, 0x01]).unwrap();
        assert!(decoded.username.is_empty());
    }
}
