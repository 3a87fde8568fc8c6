//! Where clients that leave are sent: to the other nodes, more of them to those with more room.

use super::notice::Announcement;

/// Schemes of addresses that nodes may advertise.
pub(super) const SCHEMES: &[&str] = &["http", "https", "tcp", "tls", "quic"];
/// Addresses of one list.
pub(super) const GATEWAYS_MAX: usize = 16;

/// One random order of the nodes with addresses: a node comes early as often as its share of the free room says.
pub(super) fn drawn(nodes: &[Announcement], mut random: impl FnMut() -> f64) -> Vec<&Announcement> {
    let mut keyed: Vec<(f64, &Announcement)> = nodes
        .iter()
        .filter(|node| !node.addresses.is_empty())
        .map(|node| {
            let room = node.links_max.saturating_sub(node.links).max(1) as f64;
            // The smallest of exponential times with these rates: a draw by weight, without replacement.
            (-(1.0 - random()).ln() / room, node)
        })
        .collect();
    keyed.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    keyed.into_iter().map(|(_, node)| node).collect()
}

/// The addresses of the nodes in one such order.
pub(super) fn shuffled(nodes: &[Announcement], random: impl FnMut() -> f64) -> Vec<String> {
    let addresses = drawn(nodes, random).into_iter().flat_map(|node| node.addresses.iter().cloned());
    addresses.take(GATEWAYS_MAX).collect()
}

/// The advertised addresses, with the port that was got in place of port 0.
pub(crate) fn with_ports(addresses: &[String], http: u16, tcp: Option<u16>, quic: Option<u16>) -> Vec<String> {
    let port = |address: &str| match address {
        _ if address.starts_with("http") => http,
        _ if address.starts_with("quic") => quic.unwrap_or_default(),
        _ => tcp.unwrap_or_default(),
    };
    let filled = addresses.iter().map(|address| match address.strip_suffix(":0") {
        Some(host) => format!("{host}:{}", port(address)),
        None => address.clone(),
    });
    filled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_is_the_one_that_was_got() {
        let addresses = ["http://a:0", "tls://a:0", "https://a", "tcp://a:70", "quic://a:0"].map(str::to_owned);
        let filled = with_ports(&addresses, 80, Some(90), Some(100));
        assert_eq!(filled, ["http://a:80", "tls://a:90", "https://a", "tcp://a:70", "quic://a:100"]);
    }

    fn node(name: &str, links: u64) -> Announcement {
        let addresses = vec![format!("http://{name}"), format!("tcp://{name}")];
        Announcement { addresses, links, links_max: 1_000, ..Default::default() }
    }

    #[test]
    fn clients_are_spread_by_free_room() {
        let nodes = [node("full", 1_000), node("half", 500), node("empty", 0), Announcement::default()];
        let mut random = fastrand::Rng::with_seed(7);
        let mut first = std::collections::HashMap::new();
        for _ in 0..3_000 {
            let order = shuffled(&nodes, || random.f64());
            assert_eq!(order.len(), 6);
            *first.entry(order[0].clone()).or_insert(0) += 1;
        }
        let (half, empty) = (first["http://half"], first["http://empty"]);
        assert!((900..1_100).contains(&half) && (1_850..2_150).contains(&empty), "{first:?}");
        assert!(first.get("http://full").is_none_or(|count| *count < 30), "{first:?}");
    }

    #[test]
    fn nobody_to_go_to_is_an_empty_list() {
        assert!(shuffled(&[Announcement::default()], || 0.5).is_empty());
    }
}
