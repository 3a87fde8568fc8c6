//! The link as a state machine: no clock, no socket, no runtime. Inputs are `handle_*`, outputs are `poll_*`.
//!
//! In reading order: [`frame`] (frames as bytes), [`decode`] (bytes as frames), [`close_code`] (what a close means), [`server`] (the end that pushes and keeps what is
//! not acked), [`client`] (the end that asks, acks and resumes) with `pace` (how seldom it may say something).

pub mod client;
pub mod close_code;
pub mod decode;
pub mod frame;
pub mod server;

mod pace;

#[cfg(test)]
mod tests;

pub use client::{ClientEvent, ClientSession};
pub use close_code::{CloseRange, close_range, received_code};
pub use decode::{decode_client_frame, decode_frame};
pub use server::{Confirmed, Input, ServerSession};
