//! Live rooms on this node: who is in them, and how what happens there reaches them.
//!
//! In reading order: `tick` (what happened, encoded once for all), `ring` (the last ticks, for those who read slowly), `here` (a room: its ring and its members), `seat` (where a
//! session stands in a room: a few numbers, whatever waits for it), `rooms` (all rooms, what comes off the bus), `report` (who is there, told to the owners), `enter`
//! (joining).
//!
//! A tick is written to every member as the same bytes. Nobody holds a queue: a connection that can write takes what its seats have not had.

mod enter;
mod here;
mod report;
mod ring;
mod rooms;
mod seat;
mod tick;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    enter::Entered,
    rooms::{Rooms, keep},
    seat::{RoomFrame, Seats},
    tick::Shape,
};
