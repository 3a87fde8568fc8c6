//! Events of the outbox: whatever is stored, business systems get valid JSON, and what can be decoded is all in it.

use serde_json::Value;
use skein_proto::{
    codec::Codec,
    outbox::{EventKind, payload},
    v1,
};

use super::input::Input;

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(kind) = EventKind::from_number(input.byte()) else { return };
    let time_ms = input.u64();
    let stored = input.rest();
    let text = payload("evt_1", kind, time_ms, stored);
    let event: Value = serde_json::from_str(&text).expect("valid JSON");
    assert_eq!((event["id"].as_str(), event["type"].as_str()), (Some("evt_1"), Some(kind.name())));
    let timestamp = event["timestamp"].as_str().expect("a text");
    assert!(timestamp.is_ascii() && timestamp.len() >= 24 && timestamp.ends_with('Z'), "{timestamp}");
    let decoded: v1::OutboxData = Codec::Binary.decode(stored).unwrap_or_default();
    let whole: Value = serde_json::from_slice(&Codec::Json.encode(&decoded)).expect("valid JSON");
    let expected = whole.as_object().and_then(|body| body.values().next().cloned());
    assert_eq!(event["data"], expected.unwrap_or_else(|| Value::Object(Default::default())));
}
