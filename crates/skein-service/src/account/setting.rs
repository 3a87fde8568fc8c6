//! Settings of the caller, synced to all of the caller's devices.

use skein_proto::{limits, v1};

use crate::{Caller, Failure, Result, Service, presence::check_setting, validate};

impl Service {
    /// Sets one key; an empty value removes it. Errors: `INVALID_ARGUMENT`, `TOO_LARGE`, `LIMIT_REACHED`.
    pub(crate) async fn put_setting(
        &self,
        caller: &Caller,
        request: v1::PutSettingRequest,
    ) -> Result<v1::PutSettingResponse> {
        if request.key.is_empty() {
            return Err(Failure::invalid("key is empty"));
        }
        validate::bounded("key", &request.key, limits::SETTING_KEY_BYTES_MAX)?;
        validate::bounded("value", &request.value, limits::SETTING_VALUE_BYTES_MAX)?;
        check_setting(&request.key, &request.value)?;
        let version = self.store.put_setting(caller.user, &request.key, &request.value).await?;
        self.announce_timeline(caller, version).await;
        if request.key.starts_with("presence.") {
            self.stir(caller.user).await;
        }
        Ok(v1::PutSettingResponse { version, ..Default::default() })
    }
}
