//! The two pulls that make a client correct, and history.

mod list_history;
mod pull;
