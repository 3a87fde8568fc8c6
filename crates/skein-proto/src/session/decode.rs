//! Bytes as frames: what either end reads off a link.

use buffa::encoding::{Tag, skip_field};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    codec::{Codec, Malformed, json_place},
    v1,
};

/// Fields of `Frame` that only servers send: welcome, response, push, go_away, room_push.
const SERVER_FIELDS: [u32; 5] = [3, 5, 6, 9, 11];

/// The top of a JSON frame: what has to be known before it is decoded.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    welcome: Option<IgnoredAny>,
    push: Option<IgnoredAny>,
    #[serde(rename = "goAway", alias = "go_away")]
    go_away: Option<IgnoredAny>,
    #[serde(rename = "roomPush", alias = "room_push")]
    room_push: Option<IgnoredAny>,
}

/// A request or response, for the body in it.
#[derive(Deserialize)]
struct Carrier<'a> {
    #[serde(borrow)]
    json: Option<&'a RawValue>,
}

/// Decodes one frame. On JSON links the `json` of a request or response may be an object as well as text; fields that this version
/// does not know are ignored in both encodings.
///
/// # Errors
/// [`Malformed`]; the connection is to be closed with `PROTOCOL_ERROR`.
pub fn decode_frame(codec: Codec, payload: &[u8]) -> Result<v1::Frame, Malformed> {
    match codec {
        Codec::Binary => codec.decode(payload),
        Codec::Json => decode_json(payload, &outline(payload)?),
    }
}

/// Decodes one frame as [`decode_frame`] does, but refuses what only servers send before it is decoded: a small frame of that kind could become a large
/// tree of messages. What is left takes a few times the size of `payload`.
///
/// # Errors
/// As [`decode_frame`].
pub fn decode_client_frame(codec: Codec, payload: &[u8]) -> Result<v1::Frame, Malformed> {
    let refused = || Malformed("frame: only servers send this".to_owned());
    match codec {
        Codec::Binary if has_server_field(payload) => Err(refused()),
        Codec::Binary => codec.decode(payload),
        Codec::Json => {
            let outline = outline(payload)?;
            let others = [outline.welcome, outline.push, outline.go_away, outline.room_push];
            if outline.response.is_some() || others.iter().any(Option::is_some) {
                return Err(refused());
            }
            decode_json(payload, &outline)
        }
    }
}

/// Whether a body of a server is among the fields. What cannot be read is left to the decoder.
fn has_server_field(mut payload: &[u8]) -> bool {
    while let Ok(tag) = Tag::decode(&mut payload) {
        if SERVER_FIELDS.contains(&tag.field_number()) {
            return true;
        }
        if skip_field(tag, &mut payload).is_err() {
            return false;
        }
    }
    false
}

fn outline(payload: &[u8]) -> Result<Outline<'_>, Malformed> {
    serde_json::from_slice(payload).map_err(|error| Malformed(json_place(&error)))
}

/// Decodes JSON, after a body that is an object has become text.
fn decode_json(payload: &[u8], outline: &Outline<'_>) -> Result<v1::Frame, Malformed> {
    let not_a_frame = || Malformed("JSON: not a frame".to_owned());
    for carrier in [outline.request, outline.response].into_iter().flatten() {
        if !carrier.get().starts_with('{') {
            return Err(not_a_frame());
        }
        let carrier: Carrier<'_> = serde_json::from_str(carrier.get()).map_err(|_| not_a_frame())?;
        let Some(body) = carrier.json.map(RawValue::get).filter(|body| !body.starts_with('"')) else { continue };
        // It was borrowed from the payload, so the distance of their addresses is its place.
        let start = body.as_ptr().addr() - payload.as_ptr().addr();
        let text = serde_json::to_string(body).map_err(|_| not_a_frame())?;
        let whole = [&payload[..start], text.as_bytes(), &payload[start + body.len()..]].concat();
        return Codec::Json.decode(&whole).map_err(|_| not_a_frame());
    }
    Codec::Json.decode(payload).map_err(|_| not_a_frame())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{event::EncodedEvent, session::frame::push, v1::frame::Body};

    fn event(version: u64) -> Arc<EncodedEvent> {
        Arc::new(EncodedEvent::new(v1::TimelineEvent { version, ..Default::default() }))
    }

    fn body(text: &str) -> Body {
        decode_frame(Codec::Json, text.as_bytes()).unwrap().body.unwrap()
    }

    #[test]
    fn a_json_body_may_be_an_object_or_text() {
        let json = r#"{"x":1}"#.to_owned();
        let request = v1::Request { id: 1, method: "A/B".to_owned(), json: json.clone(), ..Default::default() };
        assert_eq!(body(r#"{"request":{"id":1,"method":"A/B","json":{"x":1}}}"#), request.clone().into());
        assert_eq!(body(r#"{"request":{"id":1,"method":"A/B","json":"{\"x\":1}"}}"#), request.clone().into());
        assert_eq!(
            body(r#"{"response":{"id":1,"json":{"x":1}}}"#),
            v1::Response { id: 1, json, ..Default::default() }.into()
        );
        let absent = v1::Request { json: String::new(), ..request };
        assert_eq!(body(r#"{"request":{"id":1,"method":"A/B","json":null}}"#), absent.into());
    }

    #[test]
    fn json_numbers_come_in_both_spellings_and_unknown_fields_are_ignored() {
        for text in [
            r#"{"ack":"7","ping":{"timeMs":"18446744073709551615"}}"#,
            r#"{"ack":7,"ping":{"time_ms":18446744073709551615,"later":[1]},"newer":{}}"#,
        ] {
            let frame = decode_frame(Codec::Json, text.as_bytes()).unwrap();
            assert_eq!(frame.ack, 7);
            assert_eq!(frame.body, Some(v1::Ping { time_ms: u64::MAX, ..Default::default() }.into()));
        }
    }

    #[test]
    fn what_is_not_a_frame_is_malformed() {
        let deep = "[".repeat(100_000);
        for json in [
            &b"\xff"[..],
            b"[]",
            b"",
            b"{\"ack\":-1}",
            b"{\"ping\":7}",
            b"{\"ack\":1} x",
            b"{\"request\":[1,\"A/B\"]}",
            deep.as_bytes(),
        ] {
            assert!(decode_frame(Codec::Json, json).is_err());
        }
        for binary in [&[0x12, 0xff][..], &[0xff; 20], &[0x08]] {
            assert!(decode_frame(Codec::Binary, binary).is_err());
        }
    }

    #[test]
    fn what_only_servers_send_is_refused_before_it_is_decoded() {
        let bodies: [Body; 5] = [
            v1::Welcome::default().into(),
            v1::Response::default().into(),
            v1::Push::default().into(),
            v1::GoAway::default().into(),
            v1::RoomPush::default().into(),
        ];
        for body in bodies {
            let frame = v1::Frame { ack: 1, body: Some(body), ..Default::default() };
            for codec in [Codec::Binary, Codec::Json] {
                let bytes = codec.encode(&frame);
                assert_eq!(decode_frame(codec, &bytes).unwrap(), frame);
                let refused = decode_client_frame(codec, &bytes).unwrap_err();
                assert!(refused.to_string().contains("only servers"), "{refused}");
            }
        }
        // The other spelling, and what says nothing.
        assert!(decode_client_frame(Codec::Json, br#"{"go_away":{}}"#).is_err());
        assert!(decode_client_frame(Codec::Json, br#"{"push":null,"ping":{}}"#).is_ok());
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}:,\"a-z0-9]{0,60}") {
            let _ = decode_frame(Codec::Binary, &noise);
            let _ = decode_frame(Codec::Json, &noise);
            let _ = decode_frame(Codec::Json, text.as_bytes());
        }

        #[test]
        fn damaged_frames_never_panic(link_seq in any::<u64>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            for codec in [Codec::Binary, Codec::Json] {
                let mut payload = push(codec, link_seq, &[event(link_seq), event(1)], true).to_vec();
                let at = at.index(payload.len());
                payload[at] = byte;
                let _ = decode_frame(codec, &payload);
                let _ = decode_frame(codec, &payload[..at]);
            }
        }
    }
}
