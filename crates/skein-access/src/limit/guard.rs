//! Turns away who takes too much: connections and requests are counted by address, requests also by user, and an address that is refused again
//! and again is not accepted any more for growing times. Times are given.

use std::{collections::HashMap, net::IpAddr, ops::Deref, sync::Arc};

use parking_lot::Mutex;
use skein_proto::{id::UserId, v1};
use skein_service::{Buckets, Failure, Rate};

use super::{
    config::LimitsConfig,
    network::{Network, counted},
};
use crate::{
    config::{AccessConfig, ForwardedHeader},
    measure,
};

/// Addresses and users that are kept in mind, of each kind of limit.
const KEYS_MAX: usize = 131_072;
/// Refusals are counted over this time, in milliseconds.
const WINDOW_MS: u64 = 60_000;
/// After a block, the next one is shorter again when nothing happened for this many times its length.
const FORGIVEN_AFTER: u64 = 10;
/// Addresses without connections are forgotten when there are this many, or twice as many as were left the last time.
const PURGE_MIN: usize = 1_024;

/// An address with a connection; held once by each of them, which is how they are counted.
pub(crate) struct Entry {
    pub(crate) address: IpAddr,
    exempt: bool,
}

/// One connection, as far as it is counted.
pub(crate) struct Spot(Arc<Entry>);

/// The place of one connection, shared by whatever belongs to it.
pub(crate) type Place = Arc<Spot>;

impl Deref for Spot {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.0
    }
}

/// Why an address is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was refused too often.
    Blocked,
    /// It has too many connections.
    TooMany,
    /// It opens them too often.
    TooOften,
}

#[derive(Default)]
struct Record {
    refusals: u32,
    since_ms: u64,
    until_ms: u64,
    length_ms: u64,
}

struct Open {
    places: HashMap<IpAddr, Arc<Entry>>,
    purge_at: usize,
}

/// All limits of one node.
pub(crate) struct Guard {
    config: LimitsConfig,
    exempt: Vec<Network>,
    /// Where PROXY headers, and forwarded ones, are believed from.
    proxies: Vec<Network>,
    forwarders: Vec<Network>,
    forwarded_header: ForwardedHeader,
    open: Mutex<Open>,
    accepts: Buckets<IpAddr>,
    requests: Buckets<IpAddr>,
    users: Buckets<UserId>,
    records: Mutex<HashMap<IpAddr, Record>>,
    /// Blocks that other nodes have not been told of.
    news: Mutex<Vec<(IpAddr, u64)>>,
}

impl Guard {
    /// Counts from nothing.
    ///
    /// # Errors
    /// A network that is none.
    pub(crate) fn new(access: &AccessConfig) -> Result<Self, String> {
        let config = access.limits.clone();
        let networks = |key: &str, texts: &[String]| -> Result<Vec<Network>, String> {
            texts.iter().map(|text| text.parse().map_err(|wrong| format!("{key}: {wrong}"))).collect()
        };
        let of_addresses = |per_minute| Buckets::new(Rate::of_minute(per_minute), KEYS_MAX);
        Ok(Self {
            exempt: networks("access.limits.exempt", &config.exempt)?,
            proxies: networks("access.proxy_protocol_from", &access.proxy_protocol_from)?,
            forwarders: networks("access.forwarded_from", &access.forwarded_from)?,
            forwarded_header: access.forwarded_header,
            open: Mutex::new(Open { places: HashMap::new(), purge_at: PURGE_MIN }),
            accepts: of_addresses(config.connections_per_address_per_minute),
            requests: of_addresses(config.requests_per_address_per_minute),
            users: Buckets::new(Rate::of_minute(config.requests_per_user_per_minute), KEYS_MAX),
            records: Mutex::default(),
            news: Mutex::default(),
            config,
        })
    }

    /// The place of a new connection of this address.
    ///
    /// # Errors
    /// It is turned away.
    pub(crate) fn admit(&self, address: IpAddr, now_ms: u64) -> Result<Place, Refusal> {
        let (exempt, address) = (any_has(&self.exempt, address), counted(address));
        if !exempt {
            self.refuse_blocked(address, now_ms)?;
            if self.accepts.take(address, now_ms, 1).is_err() {
                measure::refused("connection_rate");
                self.note_refusal(address, now_ms);
                return Err(Refusal::TooOften);
            }
        }
        self.with_room(address, exempt, now_ms)
    }

    fn refuse_blocked(&self, address: IpAddr, now_ms: u64) -> Result<(), Refusal> {
        if self.records.lock().get(&address).is_some_and(|record| record.until_ms > now_ms) {
            measure::refused("blocked");
            return Err(Refusal::Blocked);
        }
        Ok(())
    }

    /// Whether this address is not accepted for now; counts that it came. Nothing else is counted for it: it may not be that of whoever sent.
    pub(crate) fn is_blocked(&self, address: IpAddr, now_ms: u64) -> bool {
        !any_has(&self.exempt, address) && self.refuse_blocked(counted(address), now_ms).is_err()
    }

    /// Another connection of an address as it is counted.
    fn with_room(&self, address: IpAddr, exempt: bool, now_ms: u64) -> Result<Place, Refusal> {
        let entry = self.entry(address, exempt);
        // One is the table's own.
        let most = self.config.connections_per_address_max as usize;
        if most > 0 && !exempt && Arc::strong_count(&entry) > most + 1 {
            measure::refused("connections");
            self.note_refusal(address, now_ms);
            return Err(Refusal::TooMany);
        }
        Ok(Arc::new(Spot(entry)))
    }

    /// Whether connections from there begin with a PROXY header.
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        any_has(&self.proxies, address)
    }

    /// Whether requests from there say truly whom they are from.
    pub(crate) fn forwards(&self, address: IpAddr) -> bool {
        any_has(&self.forwarders, address)
    }

    /// In which header they say it.
    pub(crate) fn forwarded_header(&self) -> ForwardedHeader {
        self.forwarded_header
    }

    /// The place of somebody behind a proxy, for a request or the link that it becomes.
    ///
    /// # Errors
    /// It is turned away.
    pub(crate) fn admit_forwarded(&self, address: IpAddr, now_ms: u64) -> Result<Place, Refusal> {
        let (exempt, address) = (any_has(&self.exempt, address), counted(address));
        self.refuse_blocked(address, now_ms)?;
        self.with_room(address, exempt, now_ms)
    }

    fn entry(&self, address: IpAddr, exempt: bool) -> Arc<Entry> {
        let mut open = self.open.lock();
        if open.places.len() >= open.purge_at {
            open.places.retain(|_, entry| Arc::strong_count(entry) > 1);
            open.purge_at = PURGE_MIN.max(open.places.len() * 2);
        }
        open.places.entry(address).or_insert_with(|| Arc::new(Entry { address, exempt })).clone()
    }

    /// A request that is counted for the address.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the time to wait.
    pub(crate) fn request_from(&self, place: &Entry, now_ms: u64) -> Result<(), v1::Error> {
        if place.exempt {
            return Ok(());
        }
        self.requests.take(place.address, now_ms, 1).map_err(|retry_after_ms| {
            measure::refused("address_rate");
            self.note_refusal(place.address, now_ms);
            rate_limited("this address makes too many requests", retry_after_ms)
        })
    }

    /// A request of a user.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the time to wait.
    pub(crate) fn request_of(&self, user: UserId, now_ms: u64) -> Result<(), v1::Error> {
        self.users.take(user, now_ms, 1).map_err(|retry_after_ms| {
            measure::refused("user_rate");
            rate_limited("you make too many requests", retry_after_ms)
        })
    }

    /// A connection of the address has misbehaved: said nothing in time, or nonsense.
    pub(crate) fn misbehaved(&self, place: &Entry, now_ms: u64) {
        measure::refused("misbehaved");
        if !place.exempt {
            self.note_refusal(place.address, now_ms);
        }
    }

    fn note_refusal(&self, address: IpAddr, now_ms: u64) {
        if self.config.refusals_until_blocked == 0 {
            return;
        }
        let mut records = self.records.lock();
        if records.len() >= KEYS_MAX {
            records.retain(|_, record| record.until_ms.max(record.since_ms + WINDOW_MS) > now_ms);
            if records.len() >= KEYS_MAX {
                return;
            }
        }
        let record = records.entry(address).or_default();
        if record.since_ms + WINDOW_MS < now_ms {
            (record.since_ms, record.refusals) = (now_ms, 0);
        }
        record.refusals += 1;
        if record.refusals < self.config.refusals_until_blocked {
            return;
        }
        if record.until_ms + FORGIVEN_AFTER * record.length_ms < now_ms {
            record.length_ms = 0;
        }
        let [least, most] = [self.config.block_min_s, self.config.block_max_s].map(|s| u64::from(s) * 1_000);
        record.length_ms = (record.length_ms * 2).max(least).min(most.max(least));
        (record.until_ms, record.refusals) = (now_ms + record.length_ms, 0);
        let length_ms = record.length_ms;
        drop(records);
        tracing::warn!(%address, length_ms, "an address is not accepted for a while: it was refused again and again");
        self.news.lock().push((address, length_ms));
    }

    /// Another node does not accept this address.
    pub(crate) fn block(&self, address: IpAddr, length_ms: u64, now_ms: u64) {
        let length_ms = length_ms.min(u64::from(self.config.block_max_s) * 1_000);
        let mut records = self.records.lock();
        if records.len() < KEYS_MAX || records.contains_key(&address) {
            let record = records.entry(address).or_default();
            record.until_ms = record.until_ms.max(now_ms + length_ms);
            record.length_ms = record.length_ms.max(length_ms);
        }
    }

    /// Blocks since it was asked last: address and length in milliseconds.
    pub(crate) fn take_news(&self) -> Vec<(IpAddr, u64)> {
        std::mem::take(&mut *self.news.lock())
    }
}

fn any_has(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

fn rate_limited(text: &str, retry_after_ms: u32) -> v1::Error {
    Failure::rate_limited(format!("{text}; wait and try again"), retry_after_ms).into()
}

#[cfg(test)]
mod tests {
    use skein_proto::v1::ErrorCode;

    use super::*;

    fn guard(change: impl FnOnce(&mut LimitsConfig)) -> Guard {
        let mut config = LimitsConfig {
            connections_per_address_max: 2,
            connections_per_address_per_minute: 0,
            refusals_until_blocked: 3,
            ..LimitsConfig::default()
        };
        change(&mut config);
        Guard::new(&AccessConfig { limits: config, ..AccessConfig::default() }).unwrap()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let guard = guard(|_| {});
        let one = guard.admit(address(1), 0).unwrap();
        let two = guard.admit(address(1), 0).unwrap();
        let _parts = [two.clone(), two.clone(), two];
        assert_eq!(guard.admit(address(1), 0).err(), Some(Refusal::TooMany));
        assert!(guard.admit(address(2), 0).is_ok());
        drop(one);
        assert!(guard.admit(address(1), 0).is_ok());
        let local: Vec<_> = (0..10).map(|_| guard.admit(IpAddr::from([127, 0, 0, 1]), 0)).collect();
        assert!(local.iter().all(Result::is_ok), "exempt");
    }

    #[test]
    fn who_is_refused_again_and_again_is_blocked_for_growing_times() {
        let guard = guard(|config| config.connections_per_address_max = 1);
        let _place = guard.admit(address(1), 1).unwrap();
        let mut now_ms = 1;
        for length_ms in [10_000, 20_000, 40_000] {
            (0..3).for_each(|_| assert_eq!(guard.admit(address(1), now_ms).err(), Some(Refusal::TooMany)));
            assert_eq!(guard.admit(address(1), now_ms + length_ms - 1).err(), Some(Refusal::Blocked));
            assert_eq!(guard.take_news(), [(address(1), length_ms)]);
            now_ms += length_ms;
        }
        assert!(guard.admit(address(2), now_ms).is_ok());
        now_ms += 400_001;
        (0..3).for_each(|_| assert_eq!(guard.admit(address(1), now_ms).err(), Some(Refusal::TooMany)));
        assert_eq!(guard.take_news(), [(address(1), 10_000)], "forgiven after a while");
    }

    #[test]
    fn what_another_node_says_holds_here() {
        let guard = guard(|_| {});
        guard.block(address(1), 5_000, 0);
        assert_eq!(guard.admit(address(1), 4_999).err(), Some(Refusal::Blocked));
        assert!(guard.admit(address(1), 5_000).is_ok());
    }

    #[test]
    fn requests_are_counted_by_address_and_by_user() {
        let guard =
            guard(|config| (config.requests_per_address_per_minute, config.requests_per_user_per_minute) = (4, 4));
        let place = guard.admit(address(1), 0).unwrap();
        assert!(guard.request_from(&place, 0).is_ok() && guard.request_of(UserId(1), 0).is_ok());
        for error in [guard.request_from(&place, 0).unwrap_err(), guard.request_of(UserId(1), 0).unwrap_err()] {
            assert_eq!((error.code.as_known(), error.retry_after_ms), (Some(ErrorCode::RateLimited), 15_000));
        }
        assert!(guard.request_of(UserId(2), 0).is_ok());
    }

    #[test]
    fn addresses_without_connections_are_forgotten() {
        let guard = guard(|_| {});
        (0..100_000_u32).for_each(|number| assert!(guard.admit(IpAddr::from((number << 8).to_be_bytes()), 0).is_ok()));
        assert!(guard.open.lock().places.len() <= PURGE_MIN);
    }

    #[test]
    fn a_network_that_is_none_is_told() {
        let wrong = AccessConfig { forwarded_from: vec!["localhost".to_owned()], ..AccessConfig::default() };
        assert!(Guard::new(&wrong).err().unwrap().contains("localhost"));
    }
}
