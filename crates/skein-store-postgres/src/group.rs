//! Groups: a conversation with a roster. The operations that change one are in [`crate::roster`].

use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, Role},
};
use skein_store::{
    Refusal, Result,
    group::{GroupChanged, GroupStore},
};

use crate::{
    PostgresStore,
    failure::Outcome,
    pool::{Values, query, snapshot},
    render,
    roster::{AddMembers, CreateGroup, LeaveGroup, RemoveMembers, SetGroupName, SetRole},
    rows::{ConversationRow, bound, load_member_ids, load_membership, load_role, number},
};

#[async_trait]
impl GroupStore for PostgresStore {
    async fn create_group(
        &self,
        owner: UserId,
        name: &str,
        members: &[UserId],
        client_group_id: &str,
        now_ms: u64,
    ) -> Result<(ConversationId, GroupChanged)> {
        let client_key = (!client_group_id.is_empty()).then(|| format!("{owner}:{client_group_id}"));
        let members = unique(members);
        self.write(CreateGroup { owner, name: name.to_owned(), members, client_key, now_ms }).await
    }

    async fn lookup_group(&self, user: UserId, conversation: ConversationId) -> Result<v1::Group> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let row = visible_group(&sql, user, conversation).await?;
            Ok(render::group(&row, load_role(&sql, row.key, user).await?))
        })
        .await
    }

    async fn set_group_name(
        &self,
        actor: UserId,
        conversation: ConversationId,
        name: &str,
        now_ms: u64,
    ) -> Result<GroupChanged> {
        self.write(SetGroupName { actor, conversation, name: name.to_owned(), now_ms }).await
    }

    async fn add_members(
        &self,
        actor: UserId,
        conversation: ConversationId,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<GroupChanged> {
        self.write(AddMembers { actor, conversation, users: unique(users), now_ms }).await
    }

    async fn remove_members(
        &self,
        actor: UserId,
        conversation: ConversationId,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<GroupChanged> {
        self.write(RemoveMembers { actor, conversation, users: unique(users), now_ms }).await
    }

    async fn leave_group(&self, user: UserId, conversation: ConversationId, now_ms: u64) -> Result<GroupChanged> {
        self.write(LeaveGroup { user, conversation, now_ms }).await
    }

    async fn set_role(
        &self,
        actor: UserId,
        conversation: ConversationId,
        user: UserId,
        role: Role,
        now_ms: u64,
    ) -> Result<GroupChanged> {
        self.write(SetRole { actor, conversation, user, role, now_ms }).await
    }

    async fn list_member_changes(
        &self,
        user: UserId,
        conversation: ConversationId,
        since_version: u64,
        limit: u32,
    ) -> Result<(Vec<v1::Member>, u64, bool)> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            let row = visible_group(&sql, user, conversation).await?;
            member_changes(&sql, &row, since_version, limit).await
        })
        .await
    }

    async fn list_member_ids(&self, conversation: ConversationId) -> Result<Vec<UserId>> {
        self.read(async {
            let mut client = self.readers.get().await?;
            let sql = snapshot(&mut client).await?;
            match ConversationRow::load(&sql, conversation).await? {
                Some(row) => load_member_ids(&sql, row.key).await,
                None => Ok(Vec::new()),
            }
        })
        .await
    }
}

/// Each user once, in the order of ids.
fn unique(users: &[UserId]) -> Vec<UserId> {
    let mut users = users.to_vec();
    users.sort_unstable();
    users.dedup();
    users
}

/// The group of one of its members, as committed.
async fn visible_group<C: GenericClient>(client: &C, user: UserId, id: ConversationId) -> Outcome<ConversationRow> {
    if !id.is_group() {
        return Err(Refusal::NotAMember.into());
    }
    Ok(load_membership(client, user, id).await?.0)
}

const MEMBER: &str = "SELECT m.user_id, m.role, m.joined_seq, m.version, coalesce(u.display_name, '') FROM members m \
     LEFT JOIN users u ON u.user_id = m.user_id WHERE m.conversation = $1 AND ($2 > 0::int8 OR m.role > 0)";

/// One page of the roster's changes, where to continue, and whether there are more. Members of one change share its version, so a page
/// ends between two versions; a change that is larger than a page comes whole.
async fn member_changes<C: GenericClient>(
    client: &C,
    row: &ConversationRow,
    since_version: u64,
    limit: u32,
) -> Outcome<(Vec<v1::Member>, u64, bool)> {
    let since = bound(since_version);
    let page = format!("{MEMBER} AND m.version > $2 ORDER BY m.version, m.user_id LIMIT $3");
    let mut members = list_members(client, &page, &[&row.key, &since, &(i64::from(limit) + 1)]).await?;
    let Some(over) = members.get(limit as usize).map(|member| member.version) else {
        return Ok((members, row.version, false));
    };
    members.retain(|member| member.version < over);
    if let Some(last) = members.last() {
        let version = last.version;
        return Ok((members, version, true));
    }
    let change = format!("{MEMBER} AND m.version = $3 ORDER BY m.user_id");
    let members = list_members(client, &change, &[&row.key, &since, &(over as i64)]).await?;
    Ok((members, over, row.roster_version > over))
}

async fn list_members<C: GenericClient>(client: &C, sql: &str, values: Values<'_>) -> Outcome<Vec<v1::Member>> {
    let read = |row: &tokio_postgres::Row| {
        Ok(v1::Member {
            user_id: number(row, 0)?,
            role: row.try_get::<_, i32>(1)?.into(),
            joined_seq: number(row, 2)?,
            version: number(row, 3)?,
            display_name: row.try_get(4)?,
            ..Default::default()
        })
    };
    query(client, sql, values).await?.iter().map(read).collect()
}
