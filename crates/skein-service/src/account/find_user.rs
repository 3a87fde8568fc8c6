//! Finds a person by the exact user name, or by id.

use skein_proto::{
    id::UserId,
    v1::{self, ErrorCode, UserState, find_user_request::By},
};

use crate::{Caller, Failure, Result, Service};

impl Service {
    /// Errors: `NOT_FOUND` (deleted accounts too), `INVALID_ARGUMENT`.
    pub(crate) async fn find_user(
        &self,
        _caller: &Caller,
        request: v1::FindUserRequest,
    ) -> Result<v1::FindUserResponse> {
        let row = match request.by {
            Some(By::Username(name)) => self.store.find_user_by_username(&name).await?,
            Some(By::UserId(id)) => self.store.lookup_user(UserId(id)).await?,
            None => return Err(Failure::invalid("name a username or a user_id")),
        };
        let user = row
            .map(|row| row.user)
            .filter(|user| user.state.as_known() != Some(UserState::Deleted))
            .ok_or_else(|| Failure::new(ErrorCode::NotFound, "nobody has this user name"))?;
        Ok(v1::FindUserResponse { user: user.into(), ..Default::default() })
    }
}
