//! Changes the caller's password; all other devices are logged out.

use skein_proto::v1::{self, CloseCode, ErrorCode};

use super::password::check_password;
use crate::{Caller, Failure, Result, Service};

impl Service {
    /// Errors: `WRONG_CREDENTIALS`, `INVALID_ARGUMENT` (the new one is too weak).
    pub(crate) async fn change_password(
        &self,
        caller: &Caller,
        request: v1::ChangePasswordRequest,
    ) -> Result<v1::ChangePasswordResponse> {
        check_password(&request.new_password)?;
        let row =
            self.store.lookup_user(caller.user).await?.ok_or_else(|| Failure::internal("a caller without its user"))?;
        if !self.verify_password(request.old_password, row.password_hash).await? {
            return Err(Failure::new(ErrorCode::WrongCredentials, "the old password is wrong"));
        }
        let hash = self.hash_password(request.new_password).await?;
        self.store.set_password_hash(caller.user, hash).await?;
        for device in self.store.list_devices(caller.user).await? {
            if device.device_id != *caller.device_id && self.store.revoke_device(caller.user, &device.device_id).await?
            {
                self.close_links(caller.user, &device.device_id, device.generation, CloseCode::TokenRevoked).await;
            }
        }
        Ok(v1::ChangePasswordResponse::default())
    }
}
