//! The JSON of an event as business systems get it: `{"id","type","timestamp","data"}`.

use super::EventKind;
use crate::{
    codec::Codec,
    v1::{self, outbox_data::Body},
};

/// The JSON text of an event. `data` is an encoded [`v1::OutboxData`]; what cannot be decoded (it is from a newer version) becomes an empty object.
pub fn payload(id: &str, kind: EventKind, time_ms: u64, data: &[u8]) -> String {
    let data: v1::OutboxData = Codec::Binary.decode(data).unwrap_or_default();
    let data = data.body.as_ref().map(body_json);
    let data = data.as_deref().and_then(|json| std::str::from_utf8(json).ok()).unwrap_or("{}");
    format!(r#"{{"id":"{id}","type":"{kind}","timestamp":"{}","data":{data}}}"#, timestamp(time_ms))
}

fn body_json(body: &Body) -> bytes::Bytes {
    let json = Codec::Json;
    match body {
        Body::Message(data) => json.encode(&**data),
        Body::Hidden(data) => json.encode(&**data),
        Body::Conversation(data) => json.encode(&**data),
        Body::Entry(data) => json.encode(&**data),
        Body::Group(data) => json.encode(&**data),
        Body::Cursor(data) => json.encode(&**data),
        Body::User(data) => json.encode(&**data),
        Body::Block(data) => json.encode(&**data),
        Body::Setting(data) => json.encode(&**data),
        Body::Device(data) => json.encode(&**data),
        Body::Mailing(data) => json.encode(&**data),
    }
}

/// Unix milliseconds as ISO 8601 in UTC: `2026-11-21T08:46:06.123Z`.
pub fn timestamp(time_ms: u64) -> String {
    let (days, of_day) = (time_ms / 86_400_000, time_ms % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1_000)
}

/// Year, month and day of a number of days since 1970-01-01, by eras of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use buffa::Message as _;

    use super::*;

    #[test]
    fn timestamps_are_those_of_the_calendar() {
        for (time_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_251_966_123, "2026-11-21T09:06:06.123Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(time_ms), text);
        }
    }

    #[test]
    fn a_payload_is_json_of_the_data() {
        let block = v1::BlockChanged { user_id: 7, other_id: 8, version: 9, ..Default::default() };
        let data = v1::OutboxData { body: Some(block.into()), ..Default::default() };
        let text = payload("evt_1", EventKind::UserBlocked, 0, &data.encode_to_vec());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["data"], serde_json::json!({"userId": "7", "otherId": "8", "version": "9"}));
        assert_eq!((&value["id"], &value["type"]), (&"evt_1".into(), &"user.blocked".into()));
        let newer = payload("evt_2", EventKind::UserBlocked, 0, &[0xff]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&newer).unwrap()["data"], serde_json::json!({}));
    }
}
