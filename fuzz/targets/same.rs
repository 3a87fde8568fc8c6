//! Whether a message came back as it went.

use std::fmt::Debug;

use skein_proto::codec::{Body, Codec};

/// Compares by the bytes of the binary form; where these differ, by what people would read: JSON keeps neither the sign of a zero nor the bits of what is not
/// a number, and neither equals itself by the rules of numbers.
///
/// # Panics
/// When they differ.
pub(super) fn assert_same<T: Body + Debug>(before: &T, after: &T, what: &str) {
    if Codec::Binary.encode(before) == Codec::Binary.encode(after) {
        return;
    }
    let read = |message: &T| format!("{message:?}").replace("-0.0", "0.0");
    assert_eq!(read(before), read(after), "{what}");
}
