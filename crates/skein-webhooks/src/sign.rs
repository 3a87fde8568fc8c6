//! Secrets and signatures, version 1 of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::Secret;

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// Shortest key, in bytes, as the specification says.
const KEY_BYTES_MIN: usize = 24;
/// Longest key, in bytes, as the specification says.
const KEY_BYTES_MAX: usize = 64;

/// The secret cannot be used; which one is said by whoever reads the configuration, never its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret is \"whsec_\" followed by the base64 of 24 to 64 random bytes; make one with: echo \"whsec_$(openssl rand -base64 32)\""
)]
pub struct InvalidSecret;

/// The keys of one endpoint.
pub struct Signer {
    keys: Vec<Hmac<Sha256>>,
}

impl Signer {
    /// From the secrets of the configuration.
    ///
    /// # Errors
    /// [`InvalidSecret`] when one cannot be used, or there is none.
    pub fn new(secrets: &[Secret]) -> Result<Self, InvalidSecret> {
        let keys: Vec<_> = secrets.iter().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(InvalidSecret) } else { Ok(Self { keys }) }
    }

    /// The value of `webhook-signature`: one signature for each key, separated by spaces.
    pub fn sign(&self, id: &str, timestamp_s: u64, body: &str) -> String {
        let signatures: Vec<String> = self
            .keys
            .iter()
            .map(|key| {
                let mut mac = key.clone();
                mac.update(format!("{id}.{timestamp_s}.").as_bytes());
                mac.update(body.as_bytes());
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            })
            .collect();
        signatures.join(" ")
    }
}

fn key(secret: &Secret) -> Result<Hmac<Sha256>, InvalidSecret> {
    let text = secret.0.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
    let key = STANDARD.decode(text).map_err(|_| InvalidSecret)?;
    if !(KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&key.len()) {
        return Err(InvalidSecret);
    }
    Hmac::new_from_slice(&key).map_err(|_| InvalidSecret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    /// The example of the specification's own libraries.
    #[test]
    fn the_reference_signature_is_ours() {
        let signer = Signer::new(&[secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]).unwrap();
        let signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_key_signs() {
        let keys = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"].map(secret);
        let signature = Signer::new(&keys).unwrap().sign("a", 1, "b");
        assert_eq!(signature.split(' ').count(), 2);
        assert!(signature.split(' ').all(|one| one.starts_with("v1,")));
    }

    #[test]
    fn bad_secrets_are_refused() {
        for wrong in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"] {
            assert!(Signer::new(&[secret(wrong)]).is_err(), "{wrong}");
        }
        assert!(Signer::new(&[]).is_err());
    }
}
