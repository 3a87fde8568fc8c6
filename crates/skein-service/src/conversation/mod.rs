//! The caller's conversation list; `pace` says how much one conversation takes.

mod clear;
mod get;
mod pace;
mod update;

pub(crate) use pace::Pace;
