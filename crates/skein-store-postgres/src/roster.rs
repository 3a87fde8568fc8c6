//! Changes of a group. Each writes a system line in the same transaction.

use async_trait::async_trait;
use buffa::EnumValue;
use skein_proto::{
    id::{ConversationId, UserId},
    limits,
    outbox::{EventKind, Lane},
    v1::{self, Role},
};
use skein_store::{
    Refusal,
    group::GroupChanged,
    message::{Delivery, Recipients},
};

use crate::{
    failure::{Failure, Outcome},
    needs::Needs,
    operation::{Operation, user_place},
    pool::{execute, query, query_opt},
    render,
    rows::{ConversationRow, EntryRow, Key, conversation_id, load_membership, load_role, number, text},
    transaction::Transaction,
};

pub(crate) struct CreateGroup {
    pub owner: UserId,
    pub name: String,
    pub members: Vec<UserId>,
    pub client_key: Option<String>,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for CreateGroup {
    type Answer = (ConversationId, GroupChanged);

    fn place(&self) -> u64 {
        user_place(self.owner)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.owner);
        if self.fits() {
            self.members.iter().for_each(|user| needs.block(*user, self.owner));
        }
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<(ConversationId, GroupChanged)> {
        let client_key = self.client_key.as_deref().map(text);
        if let Some(key) = &client_key {
            // The owner is locked: nobody else is just making it.
            let sql = "SELECT id FROM conversations WHERE client_key = $1";
            if let Some(row) = query_opt(transaction.sql, sql, &[key]).await? {
                let id = conversation_id(&row, 0)?;
                let row = match transaction.conversation(id) {
                    Some(row) => row,
                    None => load_membership(transaction.sql, self.owner, id).await?.0,
                };
                return Ok((id, transaction.unchanged(self.owner, &row).await?));
            }
        }
        if !self.fits() {
            return Err(Refusal::LimitReached.into());
        }
        check_candidates(transaction, self.owner, &self.members)?;
        let mut row = insert_group(transaction, self.now_ms, client_key.as_deref()).await?;
        let id = row.id;
        row.name.clone_from(&self.name);
        row.owner = self.owner;
        let line = v1::System {
            kind: "group_created".to_owned(),
            user_ids: self.members.iter().map(|user| user.0).collect(),
            text: self.name.clone(),
            ..Default::default()
        };
        let mut everybody = vec![(self.owner, Role::Owner)];
        everybody.extend(self.members.iter().filter(|user| **user != self.owner).map(|user| (*user, Role::Member)));
        for (user, _) in &everybody {
            transaction.rows.entries.insert((*user, row.key), None);
        }
        transaction.rows.members.insert(row.key, [].into());
        Ok((id, transaction.join_members(self.owner, row, line, &everybody, self.now_ms).await?))
    }
}

impl CreateGroup {
    fn fits(&self) -> bool {
        self.members.iter().filter(|user| **user != self.owner).count() < limits::GROUP_MEMBERS_MAX
    }
}

/// A group with the next number and nobody in it. A number whose transaction fails is not given out again.
async fn insert_group(
    transaction: &mut Transaction<'_>,
    now_ms: u64,
    client_key: Option<&str>,
) -> Outcome<ConversationRow> {
    let lost = || Failure::internal("a row that was just made is not there");
    let next = query_opt(transaction.sql, "SELECT nextval('group_numbers')", &[]).await?.ok_or_else(lost)?;
    let id = ConversationId::group(number(&next, 0)?);
    let insert = "INSERT INTO conversations (id, created_ms, client_key) VALUES ($1, $2, $3)";
    execute(transaction.sql, insert, &[&id.to_bytes().as_slice(), &(now_ms as i64), &client_key]).await?;
    ConversationRow::load(transaction.sql, id).await?.ok_or_else(lost)
}

/// The event that a system line stands for.
fn line_kind(line: &str) -> Option<EventKind> {
    Some(match line {
        "group_created" => EventKind::GroupCreated,
        "renamed" => EventKind::GroupRenamed,
        "members_added" => EventKind::GroupMembersAdded,
        "members_removed" => EventKind::GroupMembersRemoved,
        "member_left" => EventKind::GroupMemberLeft,
        "role_changed" => EventKind::GroupRoleChanged,
        _ => return None,
    })
}

pub(crate) struct SetGroupName {
    pub actor: UserId,
    pub conversation: ConversationId,
    pub name: String,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for SetGroupName {
    type Answer = GroupChanged;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.actor, self.conversation);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<GroupChanged> {
        let (mut row, role) = transaction.group(self.actor, self.conversation).await?;
        if role == Role::Member {
            return Err(Refusal::Forbidden.into());
        }
        if row.name == self.name {
            return transaction.unchanged(self.actor, &row).await;
        }
        row.name.clone_from(&self.name);
        let line = v1::System { kind: "renamed".to_owned(), text: self.name.clone(), ..Default::default() };
        transaction.change_group(self.actor, row, line, &[], self.now_ms).await
    }
}

pub(crate) struct AddMembers {
    pub actor: UserId,
    pub conversation: ConversationId,
    pub users: Vec<UserId>,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for AddMembers {
    type Answer = GroupChanged;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.actor, self.conversation);
        for user in &self.users {
            needs.entry(*user, self.conversation);
            needs.block(*user, self.actor);
        }
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<GroupChanged> {
        let (row, _) = transaction.group(self.actor, self.conversation).await?;
        let present = transaction.roles(row.key, &self.users).await?;
        let is_new = |user: &UserId| !present.iter().any(|(member, _)| member == user);
        let ids: Vec<UserId> = self.users.iter().copied().filter(is_new).collect();
        if ids.is_empty() {
            return transaction.unchanged(self.actor, &row).await;
        }
        check_candidates(transaction, self.actor, &ids)?;
        if row.member_count as usize + ids.len() > limits::GROUP_MEMBERS_MAX {
            return Err(Refusal::LimitReached.into());
        }
        let line = v1::System {
            kind: "members_added".to_owned(),
            user_ids: ids.iter().map(|user| user.0).collect(),
            ..Default::default()
        };
        let fresh: Vec<_> = ids.iter().map(|user| (*user, Role::Member)).collect();
        transaction.join_members(self.actor, row, line, &fresh, self.now_ms).await
    }
}

/// Those who are to join exist, and do not block who adds them.
fn check_candidates(transaction: &Transaction<'_>, actor: UserId, users: &[UserId]) -> Outcome<()> {
    for user in users {
        if !transaction.user_exists(*user) {
            return Err(Refusal::NotFound.into());
        }
        if transaction.blocks(*user, actor) {
            return Err(Refusal::Blocked.into());
        }
    }
    Ok(())
}

pub(crate) struct RemoveMembers {
    pub actor: UserId,
    pub conversation: ConversationId,
    pub users: Vec<UserId>,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for RemoveMembers {
    type Answer = GroupChanged;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.actor, self.conversation);
        self.users.iter().for_each(|user| needs.entry(*user, self.conversation));
        needs.conversation(self.conversation).leaving += self.users.len() as u32;
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<GroupChanged> {
        let (row, actor_role) = transaction.group(self.actor, self.conversation).await?;
        let present = transaction.roles(row.key, &self.users).await?;
        let mut gone = Vec::new();
        for user in &self.users {
            let role = present.iter().find(|(member, _)| member == user).map_or(Role::Unspecified, |(_, role)| *role);
            match (role, actor_role) {
                (Role::Unspecified, Role::Admin | Role::Owner) => {}
                (Role::Member, Role::Admin) | (Role::Member | Role::Admin, Role::Owner) => gone.push(*user),
                _ => return Err(Refusal::Forbidden.into()),
            }
        }
        if gone.is_empty() {
            return transaction.unchanged(self.actor, &row).await;
        }
        let line = v1::System {
            kind: "members_removed".to_owned(),
            user_ids: gone.iter().map(|user| user.0).collect(),
            ..Default::default()
        };
        transaction.drop_members(self.actor, row, line, &gone, self.now_ms).await
    }
}

pub(crate) struct LeaveGroup {
    pub user: UserId,
    pub conversation: ConversationId,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for LeaveGroup {
    type Answer = GroupChanged;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.user, self.conversation);
        needs.conversation(self.conversation).leaving += 1;
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<GroupChanged> {
        let (row, role) = transaction.group(self.user, self.conversation).await?;
        if role == Role::Owner && row.member_count > 1 {
            return Err(Refusal::Forbidden.into());
        }
        let line = v1::System { kind: "member_left".to_owned(), ..Default::default() };
        transaction.drop_members(self.user, row, line, &[self.user], self.now_ms).await
    }
}

pub(crate) struct SetRole {
    pub actor: UserId,
    pub conversation: ConversationId,
    pub user: UserId,
    pub role: Role,
    pub now_ms: u64,
}

#[async_trait]
impl Operation for SetRole {
    type Answer = GroupChanged;

    fn place(&self) -> u64 {
        self.conversation.slot()
    }

    fn needs(&self, needs: &mut Needs) {
        needs.entry(self.actor, self.conversation);
        needs.entry(self.user, self.conversation);
    }

    async fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<GroupChanged> {
        let (mut row, actor_role) = transaction.group(self.actor, self.conversation).await?;
        if actor_role != Role::Owner || self.user == self.actor {
            return Err(Refusal::Forbidden.into());
        }
        match load_role(transaction.sql, row.key, self.user).await? {
            Role::Unspecified => return Err(Refusal::NotAMember.into()),
            former if former == self.role => return transaction.unchanged(self.actor, &row).await,
            _ => {}
        }
        let version = row.version + 1;
        transaction.save_roles(row.key, &[(self.user, self.role)], version).await?;
        if self.role == Role::Owner {
            transaction.save_roles(row.key, &[(self.actor, Role::Admin)], version).await?;
            row.owner = self.user;
        }
        row.roster_version = version;
        let line = v1::System {
            kind: "role_changed".to_owned(),
            user_ids: vec![self.user.0],
            text: format!("{:?}", self.role).trim_start_matches("ROLE_").to_ascii_lowercase(),
            ..Default::default()
        };
        transaction.change_group(self.actor, row, line, &[self.user], self.now_ms).await
    }
}

impl Transaction<'_> {
    /// The group and the role of a member.
    async fn group(&self, user: UserId, id: ConversationId) -> Outcome<(ConversationRow, Role)> {
        if !id.is_group() {
            return Err(Refusal::NotAMember.into());
        }
        let (row, _) = self.membership(user, id)?;
        let role = load_role(self.sql, row.key, user).await?;
        Ok((row, role))
    }

    /// Those of the users who are members, with their roles.
    async fn roles(&self, key: Key, users: &[UserId]) -> Outcome<Vec<(UserId, Role)>> {
        let ids: Vec<i64> = users.iter().map(|user| user.0 as i64).collect();
        let sql = "SELECT user_id, role FROM members WHERE conversation = $1 AND user_id = ANY($2) AND role > 0";
        let read = |row: &tokio_postgres::Row| {
            let role = EnumValue::from(row.try_get::<_, i32>(1)?).as_known().unwrap_or_default();
            Ok((UserId(number(row, 0)?), role))
        };
        query(self.sql, sql, &[&key, &ids]).await?.iter().map(read).collect()
    }

    async fn unchanged(&self, actor: UserId, row: &ConversationRow) -> Outcome<GroupChanged> {
        let role = load_role(self.sql, row.key, actor).await?;
        Ok(GroupChanged { group: render::group(row, role), delivery: None, user_ids: Vec::new() })
    }

    /// Changes roles of those who are or were members.
    async fn save_roles(&self, key: Key, users: &[(UserId, Role)], version: u64) -> Outcome<()> {
        let ids: Vec<i64> = users.iter().map(|(user, _)| user.0 as i64).collect();
        let roles: Vec<i32> = users.iter().map(|(_, role)| *role as i32).collect();
        let sql = "UPDATE members m SET role = n.role, version = $2 FROM unnest($3::int8[], $4::int4[]) AS n (user_id, role) \
             WHERE m.conversation = $1 AND m.user_id = n.user_id";
        execute(self.sql, sql, &[&key, &(version as i64), &ids, &roles]).await.map(drop)
    }

    /// Adds members, who read from the line that says so.
    async fn join_members(
        &mut self,
        actor: UserId,
        mut row: ConversationRow,
        line: v1::System,
        users: &[(UserId, Role)],
        now_ms: u64,
    ) -> Outcome<GroupChanged> {
        let (first_seq, version) = (row.last_seq + 1, row.version + 1);
        let ids: Vec<i64> = users.iter().map(|(user, _)| user.0 as i64).collect();
        let roles: Vec<i32> = users.iter().map(|(_, role)| *role as i32).collect();
        let sql = "INSERT INTO members (conversation, joined_seq, version, user_id, role) \
             SELECT $1, $2, $3, n.user_id, n.role FROM unnest($4::int8[], $5::int4[]) AS n (user_id, role) \
             ON CONFLICT (conversation, user_id) DO UPDATE SET joined_seq = excluded.joined_seq, version = excluded.version, role = excluded.role";
        execute(self.sql, sql, &[&row.key, &(first_seq as i64), &(version as i64), &ids, &roles]).await?;
        for (user, _) in users {
            let former = self.entry(*user, row.key)?.unwrap_or_default();
            self.put_entry(EntryRow {
                user: *user,
                key: row.key,
                member: true,
                first_seq,
                sort_ms: now_ms,
                read_seq: row.last_seq,
                delivered_seq: row.last_seq,
                floor_seq: row.last_seq,
                floor_countable: row.countable,
                hidden: false,
                ..former
            })?;
        }
        row.member_count += users.len() as u32;
        row.roster_version = version;
        let ids: Vec<UserId> = users.iter().map(|(user, _)| *user).collect();
        self.change_members(row.key, |members| members.extend(&ids));
        self.change_group(actor, row, line, &ids, now_ms).await
    }

    /// Removes members; they are told, and see nothing from then on.
    async fn drop_members(
        &mut self,
        actor: UserId,
        mut row: ConversationRow,
        line: v1::System,
        users: &[UserId],
        now_ms: u64,
    ) -> Outcome<GroupChanged> {
        let version = row.version + 1;
        let roles: Vec<_> = users.iter().map(|user| (*user, Role::Unspecified)).collect();
        self.save_roles(row.key, &roles, version).await?;
        for user in users {
            if let Some(mut entry) = self.entry(*user, row.key)? {
                entry.member = false;
                self.put_entry(entry)?;
            }
        }
        row.member_count -= users.len() as u32;
        row.roster_version = version;
        self.change_members(row.key, |members| members.retain(|member| !users.contains(member)));
        let mut changed = self.change_group(actor, row, line, users, now_ms).await?;
        if let Some(Delivery { recipients: Recipients::Users(receivers), .. }) = &mut changed.delivery {
            receivers.extend(users);
        }
        Ok(changed)
    }

    /// Stores the changed group with the system line that says so.
    async fn change_group(
        &mut self,
        actor: UserId,
        row: ConversationRow,
        mut line: v1::System,
        users: &[UserId],
        now_ms: u64,
    ) -> Outcome<GroupChanged> {
        line.actor_id = actor.0;
        let kind = line_kind(&line.kind);
        let content = v1::Content { body: Some(line.into()), ..Default::default() };
        let message = v1::Message { content: content.into(), ..Default::default() };
        let (row, message) = self.append_row(row, message, now_ms, None);
        self.announce(&row, &message)?;
        if let Some(kind) = kind {
            self.record(kind, Lane::conversation(row.id), now_ms, || v1::GroupChanged {
                group: render::group(&row, Role::Unspecified).into(),
                actor_id: actor.0,
                user_ids: users.iter().map(|user| user.0).collect(),
                line: message.clone().into(),
                ..Default::default()
            });
        }
        let recipients = self.recipients(&row, actor)?;
        let role = load_role(self.sql, row.key, actor).await?;
        Ok(GroupChanged {
            group: render::group(&row, role),
            delivery: Some(Delivery { message, recipients }),
            user_ids: users.to_vec(),
        })
    }
}
