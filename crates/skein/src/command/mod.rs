//! One file per command.

pub mod chat;
pub mod doctor;
pub mod serve;

/// What every command ends with.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;
