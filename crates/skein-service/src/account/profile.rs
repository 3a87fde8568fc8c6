//! The caller's own profile.

use skein_proto::v1;
use skein_store::account::ProfileChange;

use crate::{Caller, Failure, Result, Service, validate};

impl Service {
    /// Who the caller is.
    pub(crate) async fn get_me(&self, caller: &Caller, _request: v1::GetMeRequest) -> Result<v1::GetMeResponse> {
        let row =
            self.store.lookup_user(caller.user).await?.ok_or_else(|| Failure::internal("a caller without its user"))?;
        Ok(v1::GetMeResponse { user: row.user.into(), ..Default::default() })
    }

    /// Changes the fields that are present; the caller's other devices are told to pull.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`.
    pub(crate) async fn update_profile(
        &self,
        caller: &Caller,
        request: v1::UpdateProfileRequest,
    ) -> Result<v1::UpdateProfileResponse> {
        let display_name = request.display_name.map(|name| validate::shown_name("display_name", &name)).transpose()?;
        for (field, text) in [("avatar", &request.avatar), ("bio", &request.bio)] {
            validate::bounded(field, text.as_deref().unwrap_or_default(), 1_024)?;
        }
        validate::json_object("extra", request.extra.as_deref().unwrap_or_default())?;
        let change = ProfileChange { display_name, avatar: request.avatar, bio: request.bio, extra: request.extra };
        let (user, version) = self.store.set_profile(caller.user, change).await?;
        self.announce_timeline(caller, version).await;
        Ok(v1::UpdateProfileResponse { user: user.into(), ..Default::default() })
    }
}
