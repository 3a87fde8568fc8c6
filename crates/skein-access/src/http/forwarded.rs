//! Whom a request is from that came through a proxy: `X-Forwarded-For`, believed from configured networks only.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::limit::Guard;

/// The header.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The nearest address that is not one of our proxies; `None` when the peer is not one, or says nothing.
pub(super) fn source(guard: &Guard, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    if !guard.forwards(peer) {
        return None;
    }
    // Each proxy appends whom it heard from: what stands before the first that is not ours may be made up.
    let values: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    for text in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        let address: IpAddr = text.trim().parse().ok()?;
        if !guard.forwards(address) {
            return Some(address.to_canonical());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::config::AccessConfig;

    fn heard(peer: &str, lines: &[&'static str]) -> Option<IpAddr> {
        let config = AccessConfig { forwarded_from: vec!["10.0.0.0/8".to_owned()], ..AccessConfig::default() };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
        }
        source(&Guard::new(&config).unwrap(), peer.parse().unwrap(), &headers)
    }

    #[test]
    fn only_what_our_proxies_say_is_believed() {
        let address = |text: &str| text.parse().ok();
        assert_eq!(heard("10.0.0.1", &["192.0.2.1"]), address("192.0.2.1"));
        assert_eq!(heard("192.0.2.9", &["192.0.2.1"]), None, "not a proxy of ours");
        assert_eq!(heard("10.0.0.1", &["6.6.6.6, 192.0.2.1, 10.0.0.2"]), address("192.0.2.1"));
        assert_eq!(heard("10.0.0.1", &["6.6.6.6", "192.0.2.1"]), address("192.0.2.1"));
        for nothing in [&[][..], &["10.0.0.3"], &["nonsense"], &["192.0.2.1, nonsense"]] {
            assert_eq!(heard("10.0.0.1", nothing), None);
        }
    }
}
