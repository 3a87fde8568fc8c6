//! What a close code tells a client to do.

use buffa::{EnumValue, Enumeration as _};

use crate::v1::CloseCode;

/// The three ranges of close codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseRange {
    /// 4000–4099: reconnect and resume the session.
    Resume,
    /// 4100–4199: reconnect afresh.
    Reconnect,
    /// 4200–4299: do not reconnect; tell the person why.
    Stop,
}

/// The range of a code; a close without a code means: resume.
pub fn close_range(code: CloseCode) -> CloseRange {
    range(code.to_i32())
}

/// A received code. One that this version does not know, because the server is newer, becomes the plainest one of its
/// range: so a client never comes back after being told to stay away.
pub fn received_code(code: EnumValue<CloseCode>) -> CloseCode {
    code.as_known().unwrap_or_else(|| match range(code.to_i32()) {
        CloseRange::Resume => CloseCode::Unspecified,
        CloseRange::Reconnect => CloseCode::Overloaded,
        CloseRange::Stop => CloseCode::ProtocolError,
    })
}

fn range(code: i32) -> CloseRange {
    match code {
        4100..=4199 => CloseRange::Reconnect,
        4200..=4299 => CloseRange::Stop,
        _ => CloseRange::Resume,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_newer_server_keep_their_range() {
        for (number, expected) in [
            (4099, CloseRange::Resume),
            (4199, CloseRange::Reconnect),
            (4299, CloseRange::Stop),
            (0, CloseRange::Resume),
            (9000, CloseRange::Resume),
        ] {
            assert_eq!(close_range(received_code(EnumValue::from(number))), expected, "{number}");
        }
        assert_eq!(received_code(EnumValue::from(4204)), CloseCode::Kicked);
    }
}
