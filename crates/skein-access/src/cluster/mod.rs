//! What access nodes know of one another: each says every second where it is reached, how loaded it is, and whether it is being drained.
//!
//! In reading order: [`notice`] (what is said), [`neighbours`] (what is known), `gateways` and `resolve` (where clients are sent), [`drain`] (leaving), `announce` (saying it).

mod announce;
mod drain;
mod gateways;
mod neighbours;
mod notice;
mod resolve;

pub(crate) use announce::{hear, run};
pub(crate) use drain::{Drain, DrainStatus, drive};
pub(crate) use gateways::with_ports;
pub(crate) use neighbours::Neighbours;
pub(crate) use notice::{Announcement, DrainOrder, Notice, Phase};
pub(crate) use resolve::Hints;

use std::{net::IpAddr, sync::atomic::AtomicBool};

use skein_proto::v1;
use skein_service::{Buckets, Rate, now_ms};

use crate::{config::AccessConfig, hello::Shared};

/// Addresses that ask where to connect and are kept in mind.
const ASKING_MAX: usize = 65_536;
/// Longest name of a node, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// This node among the others.
pub(crate) struct Cluster {
    /// As the others call it.
    pub(crate) name: String,
    pub(crate) neighbours: Neighbours,
    pub(crate) drain: Drain,
    /// How often each address asks where to connect.
    pub(crate) asked: Buckets<IpAddr>,
    /// As of the last look, this node cannot serve.
    sick: AtomicBool,
}

impl Cluster {
    /// A node that knows nobody yet. `tag` tells nodes without a name apart.
    pub(crate) fn new(config: &AccessConfig, tag: Option<[u8; 4]>) -> Self {
        let made_up = || tag.map_or_else(|| "local".to_owned(), |tag| format!("{:08x}", u32::from_le_bytes(tag)));
        let name = if config.name.is_empty() { made_up() } else { config.name.clone() };
        let asked = Buckets::new(Rate::of_minute(config.dispatch.per_address_per_minute), ASKING_MAX);
        Self {
            name,
            neighbours: Neighbours::default(),
            drain: Drain::new(config.drain.clone()),
            asked,
            sick: AtomicBool::new(false),
        }
    }
}

/// Where a client is to connect, as far as this node knows.
pub(crate) fn resolve(shared: &Shared, hints: &Hints) -> v1::ResolveGatewaysResponse {
    let mut nodes = shared.cluster.neighbours.serving(now_ms());
    nodes.push(shared.announcement());
    let web_transport = shared.web_transport.as_ref().map(|offered| offered.offer(now_ms()));
    let answer = resolve::answer(nodes, hints, &shared.config, fastrand::f64);
    v1::ResolveGatewaysResponse { web_transport: web_transport.into(), ..answer }
}

/// What is wrong with the keys about the cluster, if anything.
pub(crate) fn check(config: &AccessConfig) -> Result<(), String> {
    if config.name.len() > NAME_BYTES_MAX {
        return Err(format!("access.name has at most {NAME_BYTES_MAX} bytes"));
    }
    if config.advertise.len() > notice::ADDRESSES_MAX {
        return Err(format!("access.advertise has at most {} addresses", notice::ADDRESSES_MAX));
    }
    let known = |address: &String| {
        let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
        address.len() <= notice::ADDRESS_BYTES_MAX && gateways::SCHEMES.contains(&scheme)
    };
    match config.advertise.iter().chain(&config.dispatch.fallback).find(|address| !known(address)) {
        None => Ok(()),
        Some(address) => Err(format!(
            "access.advertise or access.dispatch.fallback: {address:?} is not one of {}://host:port",
            gateways::SCHEMES.join("://host:port, ")
        )),
    }
}
