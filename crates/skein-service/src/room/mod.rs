//! Live rooms: any number of people, many messages a second, nothing stored.
//!
//! Each room has one owner among the service nodes (`owner`: who it is, and how requests get there). It gives every message its offset, sums up
//! counters, gathers what comes into ticks, and publishes one packet for each. In reading order: `owned` (one room, without clock and bus) with `pending` (what waits
//! for the next tick, and what is left out of it), `pace` (when that is), `counters`; `rooms` (all rooms of this node, and the
//! tasks that publish); a file per operation; [`packet`] (what nodes tell each other) and [`report`] (who is there).

mod count;
mod counters;
mod get;
mod host;
mod join;
mod leave;
mod owned;
mod owner;
mod pace;
pub mod packet;
mod pending;
pub mod report;
mod rooms;
mod send;

pub(crate) use self::{
    owner::{key_of, subject},
    rooms::Rooms,
};
