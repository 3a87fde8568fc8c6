//! Groups: a conversation with a roster. Each change writes a system line in the same transaction.

use async_trait::async_trait;
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};

use crate::{Result, message::Delivery};

/// A changed group: what it is now (as the actor sees it), the system line that says so, and who is concerned.
#[derive(Clone, Debug)]
pub struct GroupChanged {
    /// As the actor sees it.
    pub group: v1::Group,
    /// The system line, and its receivers (the members after the change and those removed by it);
    /// `None` when nothing changed.
    pub delivery: Option<Delivery>,
    /// Those added or removed.
    pub user_ids: Vec<UserId>,
}

/// See the [crate] documentation for the guarantees.
///
/// Roles: the owner may do everything; admins may rename, add, and remove plain members; members may add when the
/// group is open to it (always, for now). A new member reads from the seq of the system line that announces it.
/// A member that comes back reads from its new joining on. A conversation of two is no group: `NotAMember`. A user named twice counts once.
#[async_trait]
pub trait GroupStore {
    /// Creates a group owned by `owner` with these members. The pair (`owner`, `client_group_id`) is an idempotency key unless
    /// the id is empty: repeating it returns the same group and no delivery. Errors: `NotFound` when a user does not exist,
    /// `Blocked` when one blocks the owner, `LimitReached`.
    async fn create_group(
        &self,
        owner: UserId,
        name: &str,
        members: &[UserId],
        client_group_id: &str,
        now_ms: u64,
    ) -> Result<(ConversationId, GroupChanged)>;
    /// The group as a member sees it. Errors: `NotAMember`.
    async fn lookup_group(&self, user: UserId, conversation: ConversationId) -> Result<v1::Group>;
    /// Renames. Errors: `NotAMember`, `Forbidden` (plain members).
    async fn set_group_name(
        &self,
        actor: UserId,
        conversation: ConversationId,
        name: &str,
        now_ms: u64,
    ) -> Result<GroupChanged>;
    /// Adds those who are not members yet. Errors: `NotAMember`, `NotFound`, `Blocked`, `LimitReached`.
    async fn add_members(
        &self,
        actor: UserId,
        conversation: ConversationId,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<GroupChanged>;
    /// Removes others. Those who are no members are skipped. Errors: `NotAMember`, `Forbidden` (by role; nobody removes the owner).
    async fn remove_members(
        &self,
        actor: UserId,
        conversation: ConversationId,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<GroupChanged>;
    /// Leaves. The owner of a group with other members must hand it over first (`Forbidden`); the last one may leave. Errors: `NotAMember`.
    async fn leave_group(&self, user: UserId, conversation: ConversationId, now_ms: u64) -> Result<GroupChanged>;
    /// Owner only: makes a member admin or plain member, or owner (the actor becomes admin). Errors: `NotAMember` (either), `Forbidden`.
    async fn set_role(
        &self,
        actor: UserId,
        conversation: ConversationId,
        user: UserId,
        role: v1::Role,
        now_ms: u64,
    ) -> Result<GroupChanged>;
    /// Roster changes after `since_version`, by version; gone members have no role. Returns (members, version to continue from, more).
    /// Members of one change come on one page, so a change larger than `limit` makes a larger page.
    /// Errors: `NotAMember`.
    async fn list_member_changes(
        &self,
        user: UserId,
        conversation: ConversationId,
        since_version: u64,
        limit: u32,
    ) -> Result<(Vec<v1::Member>, u64, bool)>;
    /// Ids of all present members, in no order. For fan-out only: no membership check.
    async fn list_member_ids(&self, conversation: ConversationId) -> Result<Vec<UserId>>;
}
