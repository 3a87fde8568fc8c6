//! Groups: conversations with a roster.

mod create;
mod get;
mod leave;
mod members;
mod rename;
mod set_role;

use skein_proto::{id::ConversationId, v1};
use skein_store::group::GroupChanged;

use crate::{Caller, Failure, Result, Service, validate};

/// The id of a group; other conversations have no roster.
fn group_id(text: &str) -> Result<ConversationId> {
    let conversation = validate::conversation_id(text)?;
    if conversation.is_group() { Ok(conversation) } else { Err(Failure::invalid("this is not a group")) }
}

impl Service {
    /// Announces a group change and answers with the group as the actor sees it.
    async fn announce_group(&self, caller: &Caller, changed: GroupChanged) -> (v1::Group, Vec<u64>) {
        if let Some(delivery) = changed.delivery {
            self.announce_message(caller, delivery).await;
        }
        (changed.group, changed.user_ids.into_iter().map(|user| user.0).collect())
    }
}
