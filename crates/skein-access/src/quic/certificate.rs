//! Which certificate a handshake gets. Browsers take one that no authority has signed only when they were told its hash and it lives for two weeks at most, so
//! theirs is made here, and another one when it gets old; native clients get the one that they were told to trust.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{
    pki_types::PrivateKeyDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use skein_service::now_ms;

use super::socket::{ALPN, ALPN_H3};
use crate::tls;

/// How long a certificate lives, in milliseconds; browsers take two weeks.
const LIFE_MS: u64 = 13 * DAY_MS;
/// It is replaced this long before it ends, in milliseconds: clients may have been told its hash a while ago.
const SPARE_MS: u64 = 6 * DAY_MS;
/// Clocks of clients may be behind by this, in milliseconds.
const CLOCKS_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

/// A certificate of our own that is always young. It is in memory only.
#[derive(Debug, Default)]
pub(crate) struct ShortLived(Mutex<Option<Made>>);

#[derive(Clone, Debug)]
struct Made {
    certificate: Arc<CertifiedKey>,
    hash: [u8; 32],
    replaced_ms: u64,
}

impl ShortLived {
    /// The certificate of this time, and the SHA-256 of its DER. `None` when none can be made.
    fn at(&self, now_ms: u64) -> Option<Made> {
        let mut made = self.0.lock();
        if made.as_ref().is_none_or(|made| made.replaced_ms <= now_ms) {
            match make(now_ms) {
                Ok(new) => *made = Some(new),
                Err(error) => {
                    tracing::warn!(%error, "no certificate can be made for browsers");
                    return None;
                }
            }
        }
        made.clone()
    }

    /// The hash that browsers have to know.
    pub(super) fn hash(&self, now_ms: u64) -> Option<[u8; 32]> {
        Some(self.at(now_ms)?.hash)
    }
}

fn make(now_ms: u64) -> Result<Made, Box<dyn std::error::Error>> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let mut params = CertificateParams::new(names)?;
    let at = |ms| date_time_ymd(1970, 1, 1) + Duration::from_millis(ms);
    (params.not_before, params.not_after) = (at(now_ms - CLOCKS_MS), at(now_ms - CLOCKS_MS + LIFE_MS));
    // On the curve P-256, as browsers want it.
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let der = params.self_signed(&key)?.der().clone();
    let hash = Sha256::digest(&der).into();
    let secret = PrivateKeyDer::try_from(key.serialize_der())?;
    let certificate = Arc::new(tls::certified(vec![der], secret)?);
    Ok(Made { certificate, hash, replaced_ms: now_ms + LIFE_MS - SPARE_MS })
}

/// Chooses by what the client wants to speak.
#[derive(Debug)]
pub(super) struct ByProtocol {
    pub(super) certificate: Arc<CertifiedKey>,
    pub(super) short_lived: Option<Arc<ShortLived>>,
}

impl ResolvesServerCert for ByProtocol {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut protocols = hello.alpn().into_iter().flatten();
        let browser = protocols.by_ref().find(|name| *name == ALPN || *name == ALPN_H3) == Some(ALPN_H3);
        match &self.short_lived {
            Some(short_lived) if browser => Some(short_lived.at(now_ms())?.certificate),
            _ => Some(self.certificate.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_replaced_before_it_ends_and_not_sooner() {
        let (short_lived, now_ms) = (ShortLived::default(), 1_700_000_000_000);
        let first = short_lived.hash(now_ms).unwrap();
        assert_eq!(short_lived.hash(now_ms + 6 * DAY_MS), Some(first));
        let second = short_lived.hash(now_ms + 7 * DAY_MS).unwrap();
        assert_ne!(first, second);
        assert_eq!(short_lived.hash(now_ms + 7 * DAY_MS), Some(second));
        let made = short_lived.at(now_ms + 7 * DAY_MS).unwrap();
        let der: [u8; 32] = Sha256::digest(&made.certificate.cert[0]).into();
        assert_eq!(der, second);
    }
}
