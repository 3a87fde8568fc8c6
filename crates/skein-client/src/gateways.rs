//! Which address is tried next: the one that worked, those that the server named, those that the application named. Times are given; nothing here has a clock.

use crate::{Address, address::Transport};

/// An address that failed is tried after all others for this long, in milliseconds.
const FAILED_MS: u64 = 10_000;
/// One that sent us away, for this long.
const LEFT_MS: u64 = 60_000;
/// One over UDP that another one overtook, for this long: a network that blocks it does so for everybody in it.
const BLOCKED_MS: u64 = 600_000;
/// Addresses that a server may name.
const OFFERED_MAX: usize = 16;

/// What is known of the ways to the server.
#[derive(Debug)]
pub(crate) struct Gateways {
    /// Named by the application; never forgotten.
    home: Vec<Address>,
    /// Named by a server, the best one first.
    offered: Vec<Address>,
    /// To be tried after all others.
    last: Vec<Address>,
    /// Until when what was resolved is used, in milliseconds.
    valid_until_ms: u64,
    /// The one that worked last.
    winner: Option<Address>,
    /// To be tried last, and until when.
    shunned: Vec<(Address, u64)>,
}

impl Gateways {
    /// Knows these.
    pub(crate) fn new(home: Vec<Address>) -> Self {
        Self { home, offered: Vec::new(), last: Vec::new(), valid_until_ms: 0, winner: None, shunned: Vec::new() }
    }

    /// All addresses, each once, in the order in which they are to be tried.
    pub(crate) fn order(&self, now_ms: u64) -> Vec<Address> {
        let mut order: Vec<Address> = Vec::new();
        for address in self.winner.iter().chain(&self.offered).chain(&self.home).chain(&self.last) {
            if !order.contains(address) {
                order.push(address.clone());
            }
        }
        // Stable: among those to be shunned, whose time ends first comes first.
        order.sort_by_key(|address| self.shunned_until(address, now_ms));
        order
    }

    fn shunned_until(&self, address: &Address, now_ms: u64) -> u64 {
        let until = self.shunned.iter().find(|(other, _)| other == address).map_or(0, |(_, until)| *until);
        if until > now_ms { until } else { 0 }
    }

    /// The one that worked last.
    pub(crate) fn winner(&self) -> Option<Address> {
        self.winner.clone()
    }

    /// Whether somebody is to be asked where to connect: nothing works, and what is known is old.
    pub(crate) fn is_to_be_asked(&self, now_ms: u64) -> bool {
        self.winner.is_none() && self.valid_until_ms <= now_ms
    }

    /// Somebody who was asked names these, and those for when nobody is reached.
    pub(crate) fn resolved(&mut self, named: &[String], last: &[String], valid_until_ms: u64) {
        (self.offered, self.last) = (self.usable(named), self.usable(last));
        self.valid_until_ms = valid_until_ms;
    }

    /// A session was opened there.
    pub(crate) fn works(&mut self, address: &Address) {
        self.shunned.retain(|(other, _)| other != address);
        self.winner = Some(address.clone());
    }

    /// It could not be reached, or refused.
    pub(crate) fn failed(&mut self, address: &Address, now_ms: u64) {
        self.winner = self.winner.take().filter(|winner| winner != address);
        self.shun(address, now_ms, now_ms + FAILED_MS);
    }

    /// Another one answered, and this one, which was tried before it, had not.
    pub(crate) fn overtaken(&mut self, address: &Address, now_ms: u64) {
        if address.transport == Transport::Quic {
            self.shun(address, now_ms, now_ms + BLOCKED_MS);
        }
    }

    /// This machine is in another network: what failed in the old one may work.
    pub(crate) fn forget_failures(&mut self) {
        self.shunned.clear();
    }

    /// The server there sends us away, to one of these.
    pub(crate) fn leave(&mut self, from: &Address, gateways: &[String], now_ms: u64) {
        let named = self.usable(gateways);
        if !named.is_empty() {
            self.offered = named;
        }
        self.winner = None;
        self.shun(from, now_ms, now_ms + LEFT_MS);
    }

    /// Of the addresses that a server named, those of the kind that the application chose: never one without encryption instead of one with it. QUIC may be
    /// tried instead of any, as it is always encrypted.
    fn usable(&self, named: &[String]) -> Vec<Address> {
        let kind = |address: &Address| (address.transport, address.tls);
        let chosen = |address: &Address| self.home.iter().any(|home| kind(home) == kind(address));
        let named = named.iter().filter_map(|text| text.parse::<Address>().ok());
        named.filter(|address| address.transport == Transport::Quic || chosen(address)).take(OFFERED_MAX).collect()
    }

    fn shun(&mut self, address: &Address, now_ms: u64, until_ms: u64) {
        self.shunned.retain(|(other, until)| *until > now_ms && other != address);
        self.shunned.push((address.clone(), until_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: &str) -> Address {
        format!("https://{name}").parse().unwrap()
    }

    fn order(gateways: &Gateways, now_ms: u64) -> Vec<String> {
        gateways.order(now_ms).into_iter().map(|address| address.host).collect()
    }

    #[test]
    fn what_failed_comes_last_for_a_while_and_is_never_forgotten() {
        let mut gateways = Gateways::new(vec![address("a"), address("b")]);
        assert_eq!(order(&gateways, 0), ["a", "b"]);
        gateways.failed(&address("a"), 0);
        assert_eq!(order(&gateways, 1), ["b", "a"]);
        gateways.failed(&address("b"), 5);
        assert_eq!(order(&gateways, 6), ["a", "b"]);
        gateways.works(&address("b"));
        assert_eq!(order(&gateways, 7), ["b", "a"]);
        assert_eq!(order(&gateways, FAILED_MS), ["b", "a"], "the winner stays first");
    }

    #[test]
    fn who_is_sent_away_goes_where_the_server_says() {
        let mut gateways = Gateways::new(vec![address("a")]);
        gateways.works(&address("a"));
        gateways.leave(&address("a"), &["https://c".to_owned(), "https://b".to_owned()], 0);
        assert_eq!(order(&gateways, 1), ["c", "b", "a"]);
        gateways.works(&address("b"));
        assert_eq!(order(&gateways, 2), ["b", "c", "a"]);
        gateways.leave(&address("b"), &[], 3);
        assert_eq!(order(&gateways, 4), ["c", "a", "b"], "without a word of where, elsewhere first");
    }

    #[test]
    fn what_somebody_named_comes_before_home_and_the_last_resort_after_it() {
        let mut gateways = Gateways::new(vec![address("a")]);
        assert!(gateways.is_to_be_asked(0));
        gateways.resolved(&["https://b".to_owned()], &["https://z".to_owned()], 1_000);
        assert_eq!(order(&gateways, 0), ["b", "a", "z"]);
        assert!(!gateways.is_to_be_asked(999) && gateways.is_to_be_asked(1_000));
        gateways.works(&address("b"));
        assert!(!gateways.is_to_be_asked(1_000), "what works needs no advice");
        gateways.failed(&address("b"), 1_000);
        assert!(gateways.is_to_be_asked(1_000));
    }

    #[test]
    fn nobody_is_talked_out_of_encryption() {
        let mut gateways = Gateways::new(vec![address("a")]);
        let named = ["http://b", "tcp://c:1", "nonsense", "https://d", "quic://e:1"].map(str::to_owned);
        gateways.leave(&address("a"), &named, 0);
        assert_eq!(order(&gateways, 1), ["d", "e", "a"]);
    }

    #[test]
    fn where_udp_is_blocked_it_is_tried_last_until_the_network_changes() {
        let quic: Address = "quic://q:1".parse().unwrap();
        let mut gateways = Gateways::new(vec![quic.clone(), address("a")]);
        gateways.overtaken(&quic, 0);
        gateways.overtaken(&address("b"), 0);
        gateways.works(&address("a"));
        gateways.failed(&address("a"), 10);
        gateways.works(&address("a"));
        assert_eq!(order(&gateways, FAILED_MS * 2), ["a", "q"]);
        gateways.leave(&address("a"), &[], FAILED_MS * 2);
        assert_eq!(order(&gateways, FAILED_MS * 2), ["a", "q"], "UDP is blocked for longer than a node is left");
        gateways.forget_failures();
        assert_eq!(order(&gateways, FAILED_MS * 2), ["q", "a"]);
    }
}
