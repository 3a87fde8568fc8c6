//! Presence on this node: who is connected here (`here`), who watches whom (`watches`), and the task that tells (`tell`).

mod here;
mod tell;
mod watches;

pub(crate) use self::{
    here::Here,
    tell::run,
    watches::{Watches, Watching},
};
