//! Who may do how much: bounds on what one address or one person can take from the others.
//!
//! In reading order: [`config`], `network` (ranges of addresses), `guard` (all of it together),
//! `admission` (how many hellos at once).

pub mod config;

mod admission;
mod guard;
mod network;

pub(crate) use admission::Admission;
pub(crate) use guard::{Guard, Place};
