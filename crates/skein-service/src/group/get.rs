//! Reads a group and the changes of its roster.

use skein_proto::{limits, v1};

use super::group_id;
use crate::{Caller, Result, Service};

impl Service {
    /// Errors: `NOT_A_MEMBER`.
    pub(crate) async fn get_group(
        &self,
        caller: &Caller,
        request: v1::GetGroupRequest,
    ) -> Result<v1::GetGroupResponse> {
        let group = self.store.lookup_group(caller.user, group_id(&request.conversation_id)?).await?;
        Ok(v1::GetGroupResponse { group: group.into(), ..Default::default() })
    }

    /// Roster changes since a version, by version; from 0 it is the whole roster. Errors: `NOT_A_MEMBER`.
    pub(crate) async fn sync_members(
        &self,
        caller: &Caller,
        request: v1::SyncMembersRequest,
    ) -> Result<v1::SyncMembersResponse> {
        let limit = match request.limit {
            0 => limits::PULL_ENTRIES_MAX,
            limit => limit.min(limits::PULL_ENTRIES_MAX),
        };
        let conversation = group_id(&request.conversation_id)?;
        let (members, version, has_more) =
            self.store.list_member_changes(caller.user, conversation, request.since_version, limit).await?;
        Ok(v1::SyncMembersResponse { members, version, has_more, ..Default::default() })
    }
}
