//! Logs devices out: the caller's own, or another one of the caller's.

use skein_proto::v1::{self, CloseCode, ErrorCode};

use crate::{Caller, Failure, Result, Service};

impl Service {
    /// Revokes the calling device; its tokens stay dead after a restart. A repeat is answered `TOKEN_REVOKED` by authentication.
    pub(crate) async fn log_out(&self, caller: &Caller, _request: v1::LogOutRequest) -> Result<v1::LogOutResponse> {
        self.store.revoke_device(caller.user, &caller.device_id).await?;
        self.close_links(caller.user, &caller.device_id, caller.generation, CloseCode::TokenRevoked).await;
        Ok(v1::LogOutResponse::default())
    }

    /// Logs another device of the caller out; its live links close within a second.
    ///
    /// Errors: `NOT_FOUND` when the caller has no such device (or it is logged out already).
    pub(crate) async fn revoke_device(
        &self,
        caller: &Caller,
        request: v1::RevokeDeviceRequest,
    ) -> Result<v1::RevokeDeviceResponse> {
        let generation =
            self.store.lookup_device(&request.device_id).await?.map_or(u64::MAX, |device| device.generation);
        if !self.store.revoke_device(caller.user, &request.device_id).await? {
            return Err(Failure::new(ErrorCode::NotFound, "you have no such device"));
        }
        self.close_links(caller.user, &request.device_id, generation, CloseCode::TokenRevoked).await;
        Ok(v1::RevokeDeviceResponse::default())
    }
}
