//! Whom a request is from that came through a proxy: `X-Forwarded-For` or `Forwarded` (RFC 7239), believed from configured networks only.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use crate::{config::ForwardedHeader, limit::Guard};

/// The nearest address that is not one of our proxies; `None` when the peer is not one, or says nothing that can be read. Only the header that our proxies write
/// is looked at: the other one they may pass on as a client made it up.
pub(super) fn source(guard: &Guard, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    if !guard.forwards(peer) {
        return None;
    }
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match guard.forwarded_header() {
        ForwardedHeader::XForwardedFor => ("x-forwarded-for", |text| text.trim().parse().ok()),
        ForwardedHeader::Forwarded => ("forwarded", heard_from),
    };
    // Each proxy appends whom it heard from: what stands before the first that is not ours may be made up.
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    for element in values.iter().rev().flat_map(|value| from_the_end(value)) {
        let address = read(element)?;
        if !guard.forwards(address) {
            return Some(address.to_canonical());
        }
    }
    None
}

/// The elements of a list, the last one first. It is read from its end, so that a quote that a client has left open hides nothing that a proxy appended.
fn from_the_end(list: &str) -> Vec<&str> {
    let bytes = list.as_bytes();
    let (mut elements, mut end, mut quoted) = (Vec::new(), bytes.len(), false);
    for at in (0..bytes.len()).rev() {
        let escaped = quoted && at > 0 && bytes[at - 1] == b'\\';
        if bytes[at] == b'"' && !escaped {
            quoted = !quoted;
        } else if bytes[at] == b',' && !quoted {
            elements.push(&list[at + 1..end]);
            end = at;
        }
    }
    elements.push(&list[..end]);
    elements
}

/// The pairs of an element; separators between quotes are none.
fn pairs(element: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    element.split(move |character: char| {
        let separates = !quoted && character == ';';
        quoted ^= character == '"' && !escaped;
        escaped = quoted && character == '\\' && !escaped;
        separates
    })
}

/// The address that an element of `Forwarded` names; `None` also for one that is hidden (`_abc`) or `unknown`: who that was, nobody can tell, nor whether what
/// stands before it is true.
fn heard_from(element: &str) -> Option<IpAddr> {
    let mut named = pairs(element).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let value = named.next()?;
    if named.next().is_some() {
        return None;
    }
    let node = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
    if let Some(inside) = node.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inside.parse().ok().map(IpAddr::V6);
    }
    match node.parse() {
        Ok(IpAddr::V4(address)) => Some(address.into()),
        // Of IPv6 the brackets are part of it.
        Ok(IpAddr::V6(_)) => None,
        Err(_) => with_port(node),
    }
}

/// An address with its port, which may be a hidden one.
fn with_port(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let (address, port) = node.rsplit_once(':')?;
    if !port.starts_with('_') {
        return None;
    }
    match address.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => address.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::config::AccessConfig;

    fn heard(
        forwarded_header: ForwardedHeader,
        peer: &str,
        name: &'static str,
        lines: &[&'static str],
    ) -> Option<IpAddr> {
        let forwarded_from = vec!["10.0.0.0/8".to_owned(), "2001:db8:1::/48".to_owned()];
        let config = AccessConfig { forwarded_from, forwarded_header, ..AccessConfig::default() };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        source(&Guard::new(&config).unwrap(), peer.parse().unwrap(), &headers)
    }

    fn x_forwarded_for(peer: &str, lines: &[&'static str]) -> Option<IpAddr> {
        heard(ForwardedHeader::XForwardedFor, peer, "x-forwarded-for", lines)
    }

    fn forwarded(peer: &str, lines: &[&'static str]) -> Option<IpAddr> {
        heard(ForwardedHeader::Forwarded, peer, "forwarded", lines)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn only_what_our_proxies_say_is_believed() {
        assert_eq!(x_forwarded_for("10.0.0.1", &["192.0.2.1"]), address("192.0.2.1"));
        assert_eq!(x_forwarded_for("192.0.2.9", &["192.0.2.1"]), None, "not a proxy of ours");
        assert_eq!(x_forwarded_for("10.0.0.1", &["6.6.6.6, 192.0.2.1, 10.0.0.2"]), address("192.0.2.1"));
        assert_eq!(x_forwarded_for("10.0.0.1", &["6.6.6.6", "192.0.2.1"]), address("192.0.2.1"));
        for nothing in [&[][..], &["10.0.0.3"], &["nonsense"], &["192.0.2.1, nonsense"]] {
            assert_eq!(x_forwarded_for("10.0.0.1", nothing), None);
        }
    }

    #[test]
    fn the_standard_header_is_read_in_all_its_forms() {
        for (element, from) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("For=\"192.0.2.1:4711\"", "192.0.2.1"),
            ("proto=https; FOR=\"[2001:db8::17]:4711\" ;by=10.0.0.1", "2001:db8::17"),
            ("for=\"[2001:db8::17]\"", "2001:db8::17"),
            ("for=\"[2001:db8::17]:_port\"", "2001:db8::17"),
            ("for=\"192.0.2.1:_port\";host=\"a, \\\"b; for=6.6.6.6\"", "192.0.2.1"),
            ("for=\"6.6.6.6, for=192.0.2.1", "192.0.2.1"),
            ("for=6.6.6.6, for=192.0.2.1;by=\"x,y\", for=\"[2001:db8:1::2]:80\", for=10.0.0.2", "192.0.2.1"),
        ] {
            assert_eq!(forwarded("10.0.0.1", &[element]), address(from), "{element}");
            assert_eq!(forwarded("192.0.2.9", &[element]), None, "not a proxy of ours: {element}");
        }
        assert_eq!(forwarded("10.0.0.1", &["for=6.6.6.6", "for=192.0.2.1"]), address("192.0.2.1"));
    }

    #[test]
    fn what_hides_or_cannot_be_read_says_nothing() {
        for element in [
            "",
            "for=unknown",
            "for=_hidden",
            "for=\"_hidden:_port\"",
            "for=192.0.2.1, for=_hidden",
            "for=192.0.2.1, proto=http",
            "for=2001:db8::17",
            "for=\"[192.0.2.1]\"",
            "for=\"192.0.2.1",
            "for=192.0.2.1\"",
            "for=192.0.2.1;for=192.0.2.2",
            "for=\"192.0.2.1:99999\"",
            "for=10.0.0.7",
            "192.0.2.1",
        ] {
            assert_eq!(forwarded("10.0.0.1", &[element.to_owned().leak()]), None, "{element}");
        }
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_is_not_looked_at() {
        assert_eq!(heard(ForwardedHeader::Forwarded, "10.0.0.1", "x-forwarded-for", &["192.0.2.1"]), None);
        assert_eq!(heard(ForwardedHeader::XForwardedFor, "10.0.0.1", "forwarded", &["for=192.0.2.1"]), None);
    }
}
