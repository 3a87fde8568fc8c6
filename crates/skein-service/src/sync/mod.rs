//! The two pulls that make a client correct, and history.

mod fit;
mod list_history;
mod pull;
