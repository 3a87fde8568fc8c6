//! Creates a group.

use skein_proto::v1;

use crate::{Caller, Result, Service, validate};

impl Service {
    /// The caller owns it. Repeating the same `client_group_id` gives the same group. Errors: `INVALID_ARGUMENT`, `NOT_FOUND`, `BLOCKED`, `LIMIT_REACHED`.
    pub(crate) async fn create_group(
        &self,
        caller: &Caller,
        request: v1::CreateGroupRequest,
    ) -> Result<v1::CreateGroupResponse> {
        let name = validate::shown_name("name", &request.name)?;
        let members = validate::user_ids(&request.user_ids, caller.user)?;
        let client_group_id = match request.client_group_id.as_str() {
            "" => String::new(),
            id => validate::uuid("client_group_id", id)?,
        };
        let (_, changed) =
            self.store.create_group(caller.user, &name, &members, &client_group_id, self.now_ms()).await?;
        let (group, _) = self.announce_group(caller, changed, &members).await;
        Ok(v1::CreateGroupResponse { group: group.into(), ..Default::default() })
    }
}
