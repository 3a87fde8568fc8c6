//! Messages: what people say, and the operations on them.

mod change;
mod delete;
mod forward;
mod list_edits;
mod send;

pub(crate) use send::EXTERNAL_ID_BYTES_MAX;
