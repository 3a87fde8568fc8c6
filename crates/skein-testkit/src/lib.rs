//! Judges what really happened: the history checker of the crash test and of other tests that break things on purpose.
//!
//! The judge does no I/O. A test collects a [`history::History`], and [`history::check`] names every promise that was broken.
//! [`workload`] makes random operations from a seed, so that a failing run can be run again. Apart from those,
//! [`proxy`] is a network that can be cut, and, only on demand, `postgres` and `nats` run private servers.

pub mod history;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod proxy;
pub mod workload;
