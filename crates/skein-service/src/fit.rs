//! How many items of a page fit into an answer, over any transport and between nodes.

use buffa::Message;
use skein_proto::limits::FRAME_BYTES_MAX;

/// Bytes of protobuf in one page, for each of entries and messages: two of these, spelled in JSON, stay below a frame.
pub(crate) const PAGE_BYTES_MAX: usize = FRAME_BYTES_MAX / 4;

/// How many of the items fit; always at least one, so that every page gets on.
pub(crate) fn count_fitting<T: Message>(items: &[T]) -> usize {
    let mut bytes = 0;
    let fitting = items.iter().take_while(|item| {
        bytes += item.encoded_len() as usize;
        bytes <= PAGE_BYTES_MAX
    });
    fitting.count().max(1).min(items.len())
}
