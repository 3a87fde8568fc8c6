//! Exchanges a refresh token for new tokens; each works once, but for a repeat of the last exchange.

use skein_proto::v1::{self, CloseCode, ErrorCode};
use skein_store::{
    Refusal, StoreError,
    account::{RotateRefresh, Rotation},
};

use super::log_in::check_active;
use crate::{
    Failure, Result, Service,
    token::{hash_token, new_refresh_token},
};

impl Service {
    /// A token that was used before means that two parties hold it: the device is revoked and its links are closed. Only the one
    /// that was exchanged last may come again, for a short while: then the answer was lost, and it is answered with fresh tokens.
    ///
    /// Errors: `TOKEN_REVOKED` (unknown or logged out), `TOKEN_EXPIRED`, `REFRESH_REUSED`, `ACCOUNT_SUSPENDED`.
    pub(crate) async fn refresh_token(&self, request: v1::RefreshTokenRequest) -> Result<v1::RefreshTokenResponse> {
        let now_ms = self.now_ms();
        let (refresh_token, hash) = new_refresh_token()?;
        let exchange = RotateRefresh {
            old: hash_token(&request.refresh_token),
            new: hash,
            expires_ms: now_ms + self.config.refresh_token_s * 1_000,
            grace_ms: self.config.refresh_grace_s.saturating_mul(1_000),
            now_ms,
        };
        let rotation = match self.store.rotate_refresh(exchange).await {
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
                let code = CloseCode::TokenRevoked;
                self.close_links(device.user_id, &device.device_id, device.generation, code).await;
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
