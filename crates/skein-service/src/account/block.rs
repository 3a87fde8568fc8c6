//! The caller's block list: whose messages are refused.

use skein_proto::{id::UserId, v1};

use crate::{Caller, Failure, Result, Service};

impl Service {
    /// Blocks or unblocks a person; repeating changes nothing. Errors: `NOT_FOUND`, `INVALID_ARGUMENT` (oneself).
    pub(crate) async fn set_blocked(
        &self,
        caller: &Caller,
        request: v1::SetBlockedRequest,
    ) -> Result<v1::SetBlockedResponse> {
        if request.user_id == caller.user.0 {
            return Err(Failure::invalid("you cannot block yourself"));
        }
        let version = self.store.set_blocked(caller.user, UserId(request.user_id), request.blocked).await?;
        self.announce_timeline(caller, version).await;
        self.stir(caller.user).await;
        Ok(v1::SetBlockedResponse::default())
    }

    /// Whom the caller blocks.
    pub(crate) async fn list_blocked(
        &self,
        caller: &Caller,
        _request: v1::ListBlockedRequest,
    ) -> Result<v1::ListBlockedResponse> {
        let user_ids = self.store.list_blocked(caller.user).await?.into_iter().map(|user| user.0).collect();
        Ok(v1::ListBlockedResponse { user_ids, ..Default::default() })
    }
}
