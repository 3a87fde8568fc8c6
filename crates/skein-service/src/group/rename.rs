//! Renames a group.

use skein_proto::v1;

use super::group_id;
use crate::{Caller, Result, Service, validate};

impl Service {
    /// Owner and admins. Errors: `NOT_A_MEMBER`, `FORBIDDEN`, `INVALID_ARGUMENT`.
    pub(crate) async fn rename_group(
        &self,
        caller: &Caller,
        request: v1::RenameGroupRequest,
    ) -> Result<v1::RenameGroupResponse> {
        let conversation = group_id(&request.conversation_id)?;
        let name = validate::shown_name("name", &request.name)?;
        let changed = self.store.set_group_name(caller.user, conversation, &name, self.now_ms()).await?;
        let (group, _) = self.announce_group(caller, changed, &[]).await;
        Ok(v1::RenameGroupResponse { group: group.into(), ..Default::default() })
    }
}
