//! One device: connects, says hello, pulls until it has everything, and checks that it has.

use skein_client::{Address, ConnectOptions, account::Login, bundle};
use skein_proto::{codec::Codec, v1};

use crate::command::{Error, bench::peer::Peer};

/// Entries of a page, as the SDKs ask for them.
const PAGE: u32 = 200;
/// Messages that come with each entry.
const MESSAGES_PER_ENTRY: u32 = 20;

/// What syncs brought.
#[derive(Default)]
pub struct Synced {
    pub requests: u64,
    pub entries: u64,
    pub messages: u64,
    /// Of answers, as they travelled.
    pub bytes: u64,
}

impl Synced {
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.entries += other.entries;
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// Who there is, and where.
pub struct World {
    address: Address,
    options: ConnectOptions,
    /// With the heads of their timelines, which a device that was away has come close to once.
    people: Vec<(Login, u64)>,
}

impl World {
    pub async fn new(address: Address, options: ConnectOptions, logins: Vec<Login>) -> Result<Self, Error> {
        let mut people = Vec::with_capacity(logins.len());
        for login in logins {
            let mut peer = Peer::connect(&address, &options, &login).await?;
            let request = v1::PullUserRequest { limit: 1, ..Default::default() };
            let page: v1::PullUserResponse = peer.call("SyncService/PullUser", &request).await?;
            people.push((login, page.version));
        }
        Ok(Self { address, options, people })
    }

    /// A whole sync of somebody's device. `missed` changes are missing; everything when it is a new one.
    pub async fn sync(&self, number: usize, missed: Option<u64>) -> Result<Synced, Error> {
        let (login, head) = &self.people[number % self.people.len()];
        let mut peer = Peer::connect(&self.address, &self.options, login).await?;
        let since_version = missed.map_or(0, |missed| head.saturating_sub(missed));
        let mut synced = Synced::default();
        let mut before_version = 0;
        loop {
            let request = v1::PullUserRequest {
                since_version,
                limit: PAGE,
                messages_per_entry: MESSAGES_PER_ENTRY,
                compress: true,
                before_version,
                ..Default::default()
            };
            let answer = peer.ask("SyncService/PullUser", &request).await?;
            let page: v1::PullUserResponse = Codec::Binary.decode(&answer)?;
            synced.requests += 1;
            synced.bytes += answer.len() as u64;
            synced.entries += page.entries.len() as u64;
            synced.messages += page.messages.len() as u64;
            if !page.bundle_zlib.is_empty() {
                synced.messages += bundle::unpack_bundle(&page.bundle_zlib)?.len() as u64;
            }
            if !page.has_more {
                break;
            }
            before_version = page.next_before_version;
        }
        if synced.entries == 0 || synced.messages == 0 {
            return Err("a sync brought nothing".into());
        }
        Ok(synced)
    }
}
