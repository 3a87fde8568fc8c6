//! Adds and removes members.

use skein_proto::v1;

use super::group_id;
use crate::{Caller, Failure, Result, Service, validate};

impl Service {
    /// Those who are members already are skipped. Errors: `NOT_A_MEMBER`, `NOT_FOUND`, `BLOCKED`, `LIMIT_REACHED`, `INVALID_ARGUMENT`.
    pub(crate) async fn add_members(
        &self,
        caller: &Caller,
        request: v1::AddMembersRequest,
    ) -> Result<v1::AddMembersResponse> {
        let conversation = group_id(&request.conversation_id)?;
        let users = validate::user_ids(&request.user_ids, caller.user)?;
        if users.is_empty() {
            return Err(Failure::invalid("user_ids names nobody to add"));
        }
        let changed = self.store.add_members(caller.user, conversation, &users, self.now_ms()).await?;
        let (group, added_ids) = self.announce_group(caller, changed, &users).await;
        Ok(v1::AddMembersResponse { group: group.into(), added_ids, ..Default::default() })
    }

    /// Those who are no members are skipped; to go oneself, leave. Errors: `NOT_A_MEMBER`, `FORBIDDEN`, `INVALID_ARGUMENT`.
    pub(crate) async fn remove_members(
        &self,
        caller: &Caller,
        request: v1::RemoveMembersRequest,
    ) -> Result<v1::RemoveMembersResponse> {
        let conversation = group_id(&request.conversation_id)?;
        let users = validate::user_ids(&request.user_ids, caller.user)?;
        if users.is_empty() {
            return Err(Failure::invalid("user_ids names nobody to remove; to go yourself, leave"));
        }
        let changed = self.store.remove_members(caller.user, conversation, &users, self.now_ms()).await?;
        let (group, removed_ids) = self.announce_group(caller, changed, &users).await;
        Ok(v1::RemoveMembersResponse { group: group.into(), removed_ids, ..Default::default() })
    }
}
