//! Changes a member's role, or hands the group over.

use skein_proto::{
    id::UserId,
    v1::{self, Role},
};

use super::group_id;
use crate::{Caller, Failure, Result, Service};

impl Service {
    /// Owner only. Making somebody owner makes the caller admin. Errors: `NOT_A_MEMBER`, `FORBIDDEN`, `INVALID_ARGUMENT`.
    pub(crate) async fn set_role(&self, caller: &Caller, request: v1::SetRoleRequest) -> Result<v1::SetRoleResponse> {
        let conversation = group_id(&request.conversation_id)?;
        let role = match request.role.as_known() {
            Some(role @ (Role::Member | Role::Admin | Role::Owner)) => role,
            _ => return Err(Failure::invalid("role must be member, admin or owner")),
        };
        if request.user_id == caller.user.0 {
            return Err(Failure::invalid("nobody changes their own role; make somebody else owner instead"));
        }
        let changed =
            self.store.set_role(caller.user, conversation, UserId(request.user_id), role, self.now_ms()).await?;
        let (group, _) = self.announce_group(caller, changed, &[UserId(request.user_id)]).await;
        Ok(v1::SetRoleResponse { group: group.into(), ..Default::default() })
    }
}
