//! The Rust SDK of Skein: a client that is always right, and usually fast.
//!
//! ```no_run
//! # async fn example() -> Result<(), skein_client::ClientError> {
//! use skein_client::{Address, Client, ConnectOptions, account};
//!
//! let address: Address = "http://127.0.0.1:7700".parse()?;
//! let options = ConnectOptions::default();
//! let login = account::register(&address, &options, "ann", "a long password", "laptop").await?;
//! let client = Client::start(address, options, login, skein_client::MemoryCache::default());
//! let bob = client.find_user("bob").await?;
//! client.send_text_to(bob.user_id, "hello").await?;
//! # Ok(()) }
//! ```
//!
//! In reading order: [`address`] (where), [`link`] (one connection, frames in and out), [`network`] with `quic` (links over UDP), [`account`] (register, log in), [`client`] (the handle that an
//! application holds), `operations` (one method for each thing a person can do), [`room`] (live rooms), `signal` with `typing` and `presence` (what is not stored), `driver` (the task
//! behind it: reconnects, resumes, refreshes tokens, repeats what was not answered), `gateways` and `race` (which address), [`http`] (one operation without a link), `puller` (gap repair), [`bundle`] (messages that a pull brings compressed), [`timeline`] (the pure merge of pushes and pulls), [`cache`] (what survives the process), [`error`].

pub mod account;
pub mod address;
pub mod bundle;
pub mod cache;
pub mod client;
pub mod error;
pub mod http;
pub mod link;
pub mod network;
pub mod room;
pub mod timeline;

mod driver;
mod gateways;
mod operations;
mod presence;
mod puller;
mod quic;
mod race;
mod signal;
mod tls;
mod typing;

pub use address::{Address, Addresses};
pub use cache::{Cache, MemoryCache};
pub use client::{Client, Update};
pub use error::ClientError;
pub use link::{ConnectOptions, Link};
pub use network::Network;
pub use room::{Room, RoomUpdate};
pub use timeline::Timeline;
