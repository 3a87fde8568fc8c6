//! Groups: conversations with a roster.

mod create;
mod get;
mod leave;
mod members;
mod rename;
mod set_role;

use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use skein_store::{group::GroupChanged, message::Recipients};

use crate::{Caller, Failure, Result, Service, validate};

/// Members of the largest group that is told to look when a request changed nothing; in larger ones only those concerned are.
const REPEAT_TOLD_MAX: u32 = 1_000;

/// The id of a group; other conversations have no roster.
fn group_id(text: &str) -> Result<ConversationId> {
    let conversation = validate::conversation_id(text)?;
    if conversation.is_group() { Ok(conversation) } else { Err(Failure::invalid("this is not a group")) }
}

impl Service {
    /// Announces a group change and answers with the group as the actor sees it. `named` are the people that the request was about.
    ///
    /// When nothing changed, the request may repeat one whose answer was lost together with its announcement: whoever would have been told is told
    /// to look.
    async fn announce_group(&self, caller: &Caller, changed: GroupChanged, named: &[UserId]) -> (v1::Group, Vec<u64>) {
        match changed.delivery {
            Some(delivery) => self.announce_system_line(caller, delivery).await,
            None => {
                let mut users = named.to_vec();
                users.push(caller.user);
                if changed.group.member_count <= REPEAT_TOLD_MAX
                    && let Ok(conversation) = changed.group.conversation_id.parse()
                    && let Ok(members) = self.store.list_member_ids(conversation).await
                {
                    users.extend(members);
                }
                users.sort_unstable();
                users.dedup();
                self.tell_to_pull(Recipients::Users(users)).await;
            }
        }
        (changed.group, changed.user_ids.into_iter().map(|user| user.0).collect())
    }
}
