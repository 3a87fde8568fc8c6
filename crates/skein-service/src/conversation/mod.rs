//! The caller's conversation list.

mod clear;
mod get;
mod update;
