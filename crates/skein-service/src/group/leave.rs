//! Leaves a group.

use skein_proto::v1;

use super::group_id;
use crate::{Caller, Result, Service};

impl Service {
    /// Errors: `NOT_A_MEMBER` (a repeat too), `FORBIDDEN` (an owner must hand the group over first).
    pub(crate) async fn leave_group(
        &self,
        caller: &Caller,
        request: v1::LeaveGroupRequest,
    ) -> Result<v1::LeaveGroupResponse> {
        let changed = self.store.leave_group(caller.user, group_id(&request.conversation_id)?, self.now_ms()).await?;
        self.announce_group(caller, changed, &[]).await;
        Ok(v1::LeaveGroupResponse::default())
    }
}
