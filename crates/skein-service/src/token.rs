//! Tokens: signed access tokens, opaque refresh tokens, and those that a host application mints.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use skein_proto::{
    id::UserId,
    v1::{self, ErrorCode, UserState},
};
use skein_store::{Store, account::DeviceRow};

use crate::{Caller, Failure, Result, Service};

/// Shortest key that a host application may use, in bytes: below it HS256 can be guessed.
const HOST_KEY_BYTES_MIN: usize = 32;
/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 4_096;

/// What the external ids of the server's own accounts begin with.
pub(crate) const OWN_EXTERNAL_ID: &str = "skein:";

/// Keys of this deployment.
pub(crate) struct TokenKeys {
    encode: EncodingKey,
    decode: DecodingKey,
    host: Option<DecodingKey>,
}

/// Claims of an access token.
#[derive(Serialize, Deserialize)]
struct AccessClaims {
    sub: String,
    device: String,
    generation: u64,
    exp: u64,
}

/// Claims of a host application's token: its own id of the user, and how to call them when they are new.
#[derive(Deserialize)]
pub(crate) struct HostClaims {
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) name: String,
}

impl TokenKeys {
    pub(crate) async fn load(store: &dyn Store, host_key: &str) -> Result<Self> {
        if !host_key.is_empty() && host_key.len() < HOST_KEY_BYTES_MIN {
            return Err(Failure::invalid(format!("service.host_key must have at least {HOST_KEY_BYTES_MIN} bytes")));
        }
        let key = store.secret("access_token_key", random_bytes::<32>()?.to_vec()).await?;
        Ok(Self {
            encode: EncodingKey::from_secret(&key),
            decode: DecodingKey::from_secret(&key),
            host: (!host_key.is_empty()).then(|| DecodingKey::from_secret(host_key.as_bytes())),
        })
    }

    /// Checks a host application's token.
    pub(crate) fn read_host_token(&self, token: &str) -> Result<HostClaims> {
        let Some(key) = &self.host else {
            return Err(Failure::new(ErrorCode::Forbidden, "this server takes no host tokens; set service.host_key"));
        };
        let claims: HostClaims = read(token, key)?;
        if claims.sub.is_empty() || claims.sub.len() > 128 {
            return Err(Failure::invalid("the token's sub must have 1 to 128 bytes"));
        }
        if claims.sub.starts_with(OWN_EXTERNAL_ID) {
            return Err(Failure::invalid("the token's sub begins with a prefix that the server keeps for itself"));
        }
        Ok(claims)
    }
}

fn read<T: serde::de::DeserializeOwned>(token: &str, key: &DecodingKey) -> Result<T> {
    let unauthenticated = || Failure::new(ErrorCode::Unauthenticated, "the token is not one of ours");
    if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
        return Err(unauthenticated());
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    validation.validate_aud = false;
    match jsonwebtoken::decode::<T>(token, key, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => Err(expired()),
        Err(_) => Err(unauthenticated()),
    }
}

fn expired() -> Failure {
    Failure::new(ErrorCode::TokenExpired, "the token has expired; refresh it")
}

impl Service {
    pub(crate) async fn caller_of(&self, access_token: &str) -> Result<Caller> {
        let claims: AccessClaims = read(access_token, &self.keys.decode)?;
        // The library compares whole seconds and lets the last one pass; links are closed to the millisecond.
        if claims.exp.saturating_mul(1_000) <= self.now_ms() {
            return Err(expired());
        }
        let user = UserId(
            claims.sub.parse().map_err(|_| Failure::new(ErrorCode::Unauthenticated, "the token is not one of ours"))?,
        );
        let revoked = || Failure::new(ErrorCode::TokenRevoked, "this device was logged out; log in again");
        let device = self.store.lookup_device(&claims.device).await?.ok_or_else(revoked)?;
        if device.revoked || device.user_id != user || device.generation != claims.generation {
            return Err(revoked());
        }
        let row = self.store.lookup_user(user).await?.ok_or_else(revoked)?;
        if row.user.state.as_known() != Some(UserState::Active) {
            return Err(Failure::new(ErrorCode::AccountSuspended, "this account is suspended"));
        }
        Ok(Caller {
            user,
            device_id: Arc::from(claims.device),
            platform: device.platform,
            generation: device.generation,
            expires_ms: claims.exp * 1_000,
        })
    }

    /// Tokens for a stored device and its fresh refresh token.
    pub(crate) fn tokens_for(&self, device: &DeviceRow, refresh_token: String, now_ms: u64) -> Result<v1::Tokens> {
        let exp = now_ms / 1_000 + self.config.access_token_s;
        let claims = AccessClaims {
            sub: device.user_id.to_string(),
            device: device.device_id.clone(),
            generation: device.generation,
            exp,
        };
        let access_token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.encode)
            .map_err(Failure::internal)?;
        Ok(v1::Tokens {
            access_token,
            refresh_token,
            access_expires_ms: exp * 1_000,
            refresh_expires_ms: device.refresh_expires_ms,
            device_id: device.device_id.clone(),
            ..Default::default()
        })
    }
}

/// Fresh randomness from the operating system.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Failure::internal)?;
    Ok(bytes)
}

/// A fresh opaque token and the hash under which it is stored.
pub(crate) fn new_refresh_token() -> Result<(String, [u8; 32])> {
    let token = URL_SAFE_NO_PAD.encode(random_bytes::<32>()?);
    let hash = hash_token(&token);
    Ok((token, hash))
}

/// What is stored of an opaque token.
pub(crate) fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A fresh unguessable text id.
pub(crate) fn new_text_id() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes::<16>()?))
}
