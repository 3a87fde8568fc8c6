//! End-to-end tests: the real binary over real sockets, in the words of the wire.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

mod accounts;
mod admin;
mod bad_input;
mod browser_session;
mod chat;
mod cluster;
mod crash;
mod defence;
mod deploy;
mod dispatch;
mod drain;
mod engine;
mod every_way;
mod http;
mod jetstream;
mod link;
mod messages;
mod migrate;
mod nodes;
mod pipe;
mod postgres;
mod presence;
mod presence_cluster;
mod quic;
mod receiver;
mod rolling;
mod rooms;
mod rooms_cluster;
mod server;
mod sessions;
mod signals;
mod signals_cluster;
mod transports;
mod udp_relay;
mod ways;
mod web;
mod webhooks;
