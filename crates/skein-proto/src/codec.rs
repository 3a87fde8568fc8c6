//! Bodies in the two encodings that every transport speaks: protobuf binary and its JSON mapping.

use buffa::{DecodeOptions, Message};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::limits::{FRAME_BYTES_MAX, JSON_OBJECTS_MAX};

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
    /// Decodes one message; unknown fields are ignored. Memory is bounded by the size of `bytes`, and by limits on elements (binary) and objects (JSON): the
    /// shortest object of a JSON text becomes the largest message in memory.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are not a `T`, or hold more than the limits allow.
    pub fn decode<T: Body>(self, bytes: &[u8]) -> Result<T, Malformed> {
        match self {
            Codec::Binary => DecodeOptions::new()
                .with_max_message_size(FRAME_BYTES_MAX.max(bytes.len()))
                .with_element_memory_limit(4 * FRAME_BYTES_MAX)
                .decode_from_slice(bytes)
                .map_err(|error| Malformed(format!("protobuf: {error}"))),
            Codec::Json if bytes.is_empty() => Ok(T::default()),
            Codec::Json => {
                check_json(bytes)?;
                serde_json::from_slice(bytes).map_err(|error| Malformed(json_place(&error)))
            }
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
        check_json(bytes)?;
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

/// Refuses text that is no object, which the generated types would take as a list of their fields, and text with more objects than [`JSON_OBJECTS_MAX`],
/// at the cost of reading it once if it is long enough for them.
fn check_json(json: &[u8]) -> Result<(), Malformed> {
    const SHORTEST_OBJECT: usize = b"{},".len();
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(Malformed("JSON: not an object".to_owned()));
    }
    if json.len() > JSON_OBJECTS_MAX * SHORTEST_OBJECT && count_objects(json) > JSON_OBJECTS_MAX {
        return Err(Malformed(format!("JSON: more than {JSON_OBJECTS_MAX} objects")));
    }
    Ok(())
}

/// How many objects open in a JSON text, outside of its strings.
fn count_objects(json: &[u8]) -> usize {
    let (mut objects, mut in_string, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' if !in_string => objects += 1,
            _ => {}
        }
    }
    objects
}

/// Where JSON is wrong, and for a value of the wrong kind also how; never the input itself.
pub(crate) fn json_place(error: &serde_json::Error) -> String {
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
    use crate::v1::{Location, LogInRequest, SendMessageRequest, content::Body};

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
    fn a_place_survives_json_to_the_last_bit() {
        // Found by fuzzing, then every thousandth of a degree with noise behind it.
        let found = f64::from_le_bytes([0x9c, 0x75, 0x08, 0x88, 0x3c, 0xe4, 0x37, 0x7e]);
        let places =
            (0..180_000_u32).map(|step| f64::from(step) / 1e3 + f64::from(step.wrapping_mul(2_654_435_761)) / 1e13);
        for latitude in places.chain([found, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY]) {
            let location = Location { latitude, ..Default::default() };
            let again: Location = Codec::Json.decode(&Codec::Json.encode(&location)).unwrap();
            assert_eq!(again.latitude.to_bits(), latitude.to_bits(), "{latitude}");
        }
    }

    #[test]
    fn a_list_is_not_a_message() {
        for list in [&br#"["ann","a long password"]"#[..], b" [] ", b"null", b"\xef\xbb\xbf{}", b" "] {
            assert!(Codec::Json.decode_request::<LogInRequest>(list).is_err());
            assert!(Codec::Json.decode::<LogInRequest>(list).is_err());
        }
        assert!(Codec::Json.decode_request::<LogInRequest>(b"\r\n {}").is_ok());
    }

    #[test]
    fn short_json_does_not_become_large_messages() {
        let items =
            |count: usize| format!(r#"{{"content":{{"merged":{{"items":[{}]}}}}}}"#, vec!["{}"; count].join(","));
        let most = JSON_OBJECTS_MAX - 3;
        let taken: SendMessageRequest = Codec::Json.decode_request(items(most).as_bytes()).unwrap();
        assert!(matches!(&taken.content.body, Some(Body::Merged(merged)) if merged.items.len() == most));
        for refused in [
            Codec::Json.decode_request::<SendMessageRequest>(items(most + 1).as_bytes()).unwrap_err(),
            Codec::Json.decode::<SendMessageRequest>(items(most + 1).as_bytes()).unwrap_err(),
        ] {
            assert!(refused.to_string().contains("objects"), "{refused}");
        }
        let text = format!(r#"{{"externalId":"\\\"{}"}}"#, "{".repeat(4 * JSON_OBJECTS_MAX));
        assert!(Codec::Json.decode_request::<SendMessageRequest>(text.as_bytes()).is_ok(), "a text is not an object");
    }

    #[test]
    fn binary_ignores_what_it_does_not_know() {
        // Field 999, varint 1.
        let decoded: LogInRequest = Codec::Binary.decode_request(&[0xb8, 0x3e, 0x01]).unwrap();
        assert!(decoded.username.is_empty());
    }
}
