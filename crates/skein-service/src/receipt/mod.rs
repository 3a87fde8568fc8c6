//! Receipts: how far each member has read and received.

mod list_readers;
mod mark;
