//! Password hashing with argon2id, off the async threads and bounded in number.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use skein_proto::limits;

use crate::{Failure, Result, Service, token::random_bytes};

/// Passes over the memory; OWASP's advice for 19 MiB.
const PASSES: u32 = 2;

impl Service {
    /// Hashes a password into a PHC string.
    pub(super) async fn hash_password(&self, password: String) -> Result<String> {
        let hasher = self.hasher()?;
        let salt = SaltString::encode_b64(&random_bytes::<16>()?).map_err(Failure::internal)?;
        let _permit = self.hashing.acquire().await.map_err(Failure::internal)?;
        tokio::task::spawn_blocking(move || {
            hasher.hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string()).map_err(Failure::internal)
        })
        .await
        .map_err(Failure::internal)?
    }

    /// Whether the password is right. An empty hash (no such user, no password) costs the same time and is never right.
    pub(super) async fn verify_password(&self, password: String, hash: String) -> Result<bool> {
        if hash.is_empty() {
            self.hash_password(password).await?;
            return Ok(false);
        }
        let hasher = self.hasher()?;
        let _permit = self.hashing.acquire().await.map_err(Failure::internal)?;
        tokio::task::spawn_blocking(move || {
            let parsed = PasswordHash::new(&hash).map_err(Failure::internal)?;
            Ok(hasher.verify_password(password.as_bytes(), &parsed).is_ok())
        })
        .await
        .map_err(Failure::internal)?
    }

    fn hasher(&self) -> Result<Argon2<'static>> {
        let params = Params::new(self.config.password_memory_kib, PASSES, 1, None).map_err(Failure::internal)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// Checks the strength that every new password must have.
pub(super) fn check_password(password: &str) -> Result<()> {
    if password.chars().count() < limits::PASSWORD_CHARS_MIN {
        return Err(Failure::invalid(format!(
            "the password must have at least {} characters",
            limits::PASSWORD_CHARS_MIN
        )));
    }
    crate::validate::bounded("the password", password, limits::PASSWORD_BYTES_MAX)
}
