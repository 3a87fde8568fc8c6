//! Exchanges a refresh token for new tokens; each works once.

use skein_proto::v1::{self, CloseCode, ErrorCode};
use skein_store::{Refusal, StoreError, account::Rotation};

use super::log_in::check_active;
use crate::{
    Failure, Result, Service,
    token::{hash_token, new_refresh_token},
};

impl Service {
    /// A token that was used before means that two parties hold it: the device is revoked and its links are closed.
    ///
    /// Errors: `TOKEN_REVOKED` (unknown or logged out), `TOKEN_EXPIRED`, `REFRESH_REUSED`, `ACCOUNT_SUSPENDED`.
    pub(crate) async fn refresh_token(&self, request: v1::RefreshTokenRequest) -> Result<v1::RefreshTokenResponse> {
        let now_ms = self.now_ms();
        let (refresh_token, hash) = new_refresh_token()?;
        let expires_ms = now_ms + self.config.refresh_token_s * 1_000;
        let rotation =
            match self.store.rotate_refresh(hash_token(&request.refresh_token), hash, expires_ms, now_ms).await {
                Err(StoreError::Refused(Refusal::NotFound)) => {
                    return Err(Failure::new(ErrorCode::TokenRevoked, "this refresh token is not known; log in again"));
                }
                Err(StoreError::Refused(Refusal::WindowPassed)) => {
                    return Err(Failure::new(ErrorCode::TokenExpired, "this refresh token has expired; log in again"));
                }
                other => other?,
            };
        let device = match rotation {
            Rotation::Rotated(device) => device,
            Rotation::Reused(device) => {
                self.close_links(device.user_id, Some(&device.device_id), CloseCode::TokenRevoked).await;
                return Err(Failure::new(
                    ErrorCode::RefreshReused,
                    "this refresh token was used before; the device was logged out",
                ));
            }
        };
        let row = self
            .store
            .lookup_user(device.user_id)
            .await?
            .ok_or_else(|| Failure::internal("a device without its user"))?;
        check_active(&row.user)?;
        let tokens = self.tokens_for(&device, refresh_token, now_ms)?;
        Ok(v1::RefreshTokenResponse { tokens: tokens.into(), ..Default::default() })
    }
}
