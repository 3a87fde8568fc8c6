//! What access nodes know of one another: each says every second where it is reached, how loaded it is, and whether it is being drained.
//!
//! In reading order: [`notice`] (what is said), [`neighbours`] (what is known), `gateways` (where clients are sent), [`drain`] (leaving), `announce` (saying it).

mod announce;
mod drain;
mod gateways;
mod neighbours;
mod notice;

pub(crate) use announce::{hear, run};
pub(crate) use drain::{Drain, DrainStatus, drive};
pub(crate) use gateways::with_ports;
pub(crate) use neighbours::Neighbours;
pub(crate) use notice::{Announcement, DrainOrder, Notice, Phase};

use crate::config::AccessConfig;

/// Longest name of a node, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// This node among the others.
pub(crate) struct Cluster {
    /// As the others call it.
    pub(crate) name: String,
    pub(crate) neighbours: Neighbours,
    pub(crate) drain: Drain,
}

impl Cluster {
    /// A node that knows nobody yet. `tag` tells nodes without a name apart.
    pub(crate) fn new(config: &AccessConfig, tag: Option<[u8; 4]>) -> Self {
        let made_up = || tag.map_or_else(|| "local".to_owned(), |tag| format!("{:08x}", u32::from_le_bytes(tag)));
        let name = if config.name.is_empty() { made_up() } else { config.name.clone() };
        Self { name, neighbours: Neighbours::default(), drain: Drain::new(config.drain.clone()) }
    }
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
    match config.advertise.iter().find(|address| !known(address)) {
        None => Ok(()),
        Some(address) => Err(format!(
            "access.advertise: {address:?} is not one of {}://host:port",
            gateways::SCHEMES.join("://host:port, ")
        )),
    }
}
