//! What a close code tells a client to do.

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

/// The range of a code. Codes that this version does not know are judged by their number, unknown ranges mean: resume.
pub fn close_range(code: CloseCode) -> CloseRange {
    match code as i32 {
        4100..=4199 => CloseRange::Reconnect,
        4200..=4299 => CloseRange::Stop,
        _ => CloseRange::Resume,
    }
}
