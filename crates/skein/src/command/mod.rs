//! One file per command.

pub mod admin;
pub mod bench;
pub mod chat;
pub mod doctor;
pub mod serve;

/// What every command ends with.
pub type Outcome = Result<(), Error>;

/// Whatever went wrong, in words for a person.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
