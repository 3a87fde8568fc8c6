//! Server keys: who a business system is.

use std::sync::Arc;

use skein_proto::v1::{self, ErrorCode};

use super::KeyConfig;
use crate::{Failure, Result, Service, token::hash_token};

/// Shortest server key, in bytes.
const KEY_BYTES_MIN: usize = 32;

/// A business system that showed its key; made by [`Service::authenticate_server`] and nowhere else.
#[derive(Clone, Debug)]
pub struct ServerKey {
    /// As the configuration calls it.
    pub name: Arc<str>,
}

/// The configured keys, as hashes.
#[derive(Default)]
pub(crate) struct ServerKeys(Vec<(Arc<str>, [u8; 32])>);

impl ServerKeys {
    pub(crate) fn new(keys: &[KeyConfig]) -> Result<Self> {
        for (at, key) in keys.iter().enumerate() {
            if key.name.is_empty() || key.name.len() > 64 || key.name.contains(':') {
                return Err(Failure::invalid("admin.keys: a name has 1 to 64 bytes and no colon"));
            }
            if key.key.len() < KEY_BYTES_MIN {
                let text = format!("admin.keys: the key of {:?} must have at least {KEY_BYTES_MIN} bytes", key.name);
                return Err(Failure::invalid(text));
            }
            if keys[..at].iter().any(|other| other.name == key.name) {
                return Err(Failure::invalid(format!("admin.keys: {:?} is there twice", key.name)));
            }
        }
        Ok(Self(keys.iter().map(|key| (Arc::from(key.name.as_str()), hash_token(&key.key))).collect()))
    }

    /// Compares with every key, in a time that depends on none of them.
    fn find(&self, key: &str) -> Option<ServerKey> {
        let hash = hash_token(key);
        let mut found = None;
        for (name, known) in &self.0 {
            let difference = hash.iter().zip(known).fold(0, |difference, (one, other)| difference | (one ^ other));
            if std::hint::black_box(difference) == 0 {
                found = Some(ServerKey { name: name.clone() });
            }
        }
        found
    }
}

impl Service {
    /// Whose server key this is.
    ///
    /// # Errors
    /// `FORBIDDEN` when the server has no keys, `UNAUTHENTICATED` when there is none, or it is not one of them.
    pub fn authenticate_server(&self, key: Option<&str>) -> std::result::Result<ServerKey, v1::Error> {
        let failure = if self.server_keys.0.is_empty() {
            let text = "this server has no server keys: set admin.keys in its configuration, \
                 e.g. keys = [{ name = \"shop\", key = \"<openssl rand -hex 32>\" }]";
            Failure::new(ErrorCode::Forbidden, text)
        } else {
            match key.and_then(|key| self.server_keys.find(key)) {
                Some(key) => return Ok(key),
                None => Failure::new(ErrorCode::Unauthenticated, "send authorization: Bearer <one of admin.keys>"),
            }
        };
        Err(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, key: &str) -> KeyConfig {
        KeyConfig { name: name.to_owned(), key: key.to_owned() }
    }

    #[test]
    fn keys_are_found_and_bad_ones_are_refused() {
        let (one, other) = ("1".repeat(32), "2".repeat(40));
        let keys = ServerKeys::new(&[config("shop", &one), config("till", &other)]).unwrap();
        assert_eq!(&*keys.find(&other).unwrap().name, "till");
        assert!(keys.find("").is_none() && keys.find(&one[1..]).is_none());
        for wrong in [vec![config("", &one)], vec![config("shop", "short")], vec![config("shop", &one); 2]] {
            let failure = ServerKeys::new(&wrong).err().unwrap();
            assert!(!failure.text.contains(&one) && !format!("{wrong:?}").contains(&one), "{failure}");
        }
    }
}
