//! Where a client is told to connect: nodes that suit it and have room first.

use skein_proto::v1::{self, GatewayTransport};

use super::{
    gateways,
    notice::{Announcement, Phase},
};
use crate::config::AccessConfig;

/// A node above this share of its links is named after all others.
const FULL_PERMILLE: u64 = 900;

/// What a client says about where it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    pub(crate) region: String,
    pub(crate) carrier: String,
}

impl Announcement {
    /// Whether clients may be sent there.
    pub(crate) fn takes_clients(&self) -> bool {
        self.phase == Phase::Serving && !self.sick && !self.leaving
    }

    /// Its share of the links that it is made for, in thousandths.
    pub(crate) fn load_permille(&self) -> u64 {
        self.links.saturating_mul(1_000) / self.links_max.max(1)
    }

    /// How well it suits: less is better.
    fn distance(&self, hints: &Hints) -> u8 {
        let differs = |hint: &str, own: &str| u8::from(!hint.is_empty() && hint != own);
        let full = u8::from(self.load_permille() >= FULL_PERMILLE);
        full * 4 + differs(&hints.region, &self.region) * 2 + differs(&hints.carrier, &self.carrier)
    }
}

/// The answer to a client.
pub(crate) fn answer(
    mut nodes: Vec<Announcement>,
    hints: &Hints,
    config: &AccessConfig,
    mut random: impl FnMut() -> f64,
) -> v1::ResolveGatewaysResponse {
    nodes.retain(Announcement::takes_clients);
    nodes.sort_by_key(|node| node.distance(hints));
    let mut named = Vec::new();
    for alike in nodes.chunk_by(|one, other| one.distance(hints) == other.distance(hints)) {
        named.extend(gateways::drawn(alike, &mut random).into_iter().cloned());
    }
    let dispatch = &config.dispatch;
    v1::ResolveGatewaysResponse {
        gateways: named.iter().flat_map(wire).take(gateways::GATEWAYS_MAX).collect(),
        fallback: dispatch.fallback.clone(),
        validity_s: dispatch.validity_s,
        heartbeat_ms: config.heartbeat_ms,
        backoff_min_ms: dispatch.backoff_min_ms,
        backoff_max_ms: dispatch.backoff_max_ms,
        ..Default::default()
    }
}

fn wire(node: &Announcement) -> impl Iterator<Item = v1::Gateway> + '_ {
    node.addresses.iter().map(|address| v1::Gateway {
        address: address.clone(),
        transport: transport(address).into(),
        region: node.region.clone(),
        load_permille: u32::try_from(node.load_permille()).unwrap_or(u32::MAX),
        ..Default::default()
    })
}

fn transport(address: &str) -> GatewayTransport {
    match address.split_once("://").map_or("", |(scheme, _)| scheme) {
        "http" => GatewayTransport::Ws,
        "https" => GatewayTransport::Wss,
        "tcp" => GatewayTransport::Tcp,
        "tls" => GatewayTransport::Tls,
        "quic" => GatewayTransport::Quic,
        _ => GatewayTransport::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, region: &str, links: u64) -> Announcement {
        Announcement {
            name: name.to_owned(),
            region: region.to_owned(),
            addresses: vec![format!("https://{name}")],
            links,
            links_max: 1_000,
            ..Default::default()
        }
    }

    fn resolved(nodes: Vec<Announcement>, region: &str) -> Vec<String> {
        let hints = Hints { region: region.to_owned(), ..Hints::default() };
        let answer = answer(nodes, &hints, &AccessConfig::default(), || 0.5);
        answer.gateways.into_iter().map(|gateway| gateway.address.replace("https://", "")).collect()
    }

    #[test]
    fn near_nodes_come_before_far_ones_and_full_ones_last() {
        let nodes =
            || vec![node("far", "eu", 0), node("full", "cn", 900), node("near", "cn", 500), node("free", "cn", 0)];
        assert_eq!(resolved(nodes(), "cn"), ["free", "near", "far", "full"]);
        assert_eq!(resolved(nodes(), "eu"), ["far", "free", "near", "full"]);
    }

    #[test]
    fn sick_and_draining_nodes_are_not_named() {
        let sick = Announcement { sick: true, ..node("sick", "", 0) };
        let draining = Announcement { phase: Phase::Withdrawn, ..node("draining", "", 0) };
        assert_eq!(resolved(vec![sick, draining, node("well", "", 7)], ""), ["well"]);
    }

    #[test]
    fn addresses_say_how_they_are_spoken_to() {
        let addresses = ["http://a", "https://a", "tcp://a:1", "tls://a:2", "quic://a:3"].map(str::to_owned).to_vec();
        let node = Announcement { addresses, links: 3, links_max: 12, ..Default::default() };
        let answer = answer(vec![node], &Hints::default(), &AccessConfig::default(), || 0.5);
        let transports: Vec<_> = answer.gateways.iter().map(|gateway| gateway.transport.as_known().unwrap()).collect();
        let all = [
            GatewayTransport::Ws,
            GatewayTransport::Wss,
            GatewayTransport::Tcp,
            GatewayTransport::Tls,
            GatewayTransport::Quic,
        ];
        assert_eq!(transports, all);
        assert_eq!(answer.gateways[0].load_permille, 250);
    }
}
