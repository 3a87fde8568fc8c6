//! Groups: a conversation with a roster. Each change writes a system line in the same transaction.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use skein_proto::{
    id::{ConversationId, UserId},
    limits,
    outbox::{EventKind, Lane},
    v1::{self, Role},
};
use skein_store::{
    Refusal, Result,
    group::{GroupChanged, GroupStore},
    message::{Delivery, Recipients},
};

use crate::{
    SqliteStore,
    message::visible_conversation,
    render,
    rows::{ConversationRow, EntryRow, Stored, load_member_ids, load_role, number, user_exists},
    transaction::Transaction,
};

#[async_trait]
impl GroupStore for SqliteStore {
    async fn create_group(
        &self,
        owner: UserId,
        name: &str,
        members: &[UserId],
        client_group_id: &str,
        now_ms: u64,
    ) -> Result<(ConversationId, GroupChanged)> {
        let new = NewGroup {
            owner,
            name: name.to_owned(),
            members: unique(members),
            client_key: (!client_group_id.is_empty()).then(|| format!("{owner}:{client_group_id}")),
            now_ms,
        };
        self.write(move |transaction| new.create(transaction)).await
    }

    async fn lookup_group(&self, user: UserId, conversation: ConversationId) -> Result<v1::Group> {
        self.read(move |connection| {
            let row = visible_group(connection, user, conversation)?;
            Ok(render::group(&row, load_role(connection, row.key, user)?))
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
        let name = name.to_owned();
        self.write(move |transaction| {
            let (mut row, role) = transaction.group(actor, conversation)?;
            if role == Role::Member {
                return Err(Refusal::Forbidden.into());
            }
            if row.name == name {
                return transaction.unchanged(actor, &row);
            }
            row.name.clone_from(&name);
            let line = v1::System { kind: "renamed".to_owned(), text: name.clone(), ..Default::default() };
            transaction.change_group(actor, row, line, &[], now_ms)
        })
        .await
    }

    async fn add_members(
        &self,
        actor: UserId,
        conversation: ConversationId,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<GroupChanged> {
        let users = unique(users);
        self.write(move |transaction| add(transaction, actor, conversation, &users, now_ms)).await
    }

    async fn remove_members(
        &self,
        actor: UserId,
        conversation: ConversationId,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<GroupChanged> {
        let users = unique(users);
        self.write(move |transaction| remove(transaction, actor, conversation, &users, now_ms)).await
    }

    async fn leave_group(&self, user: UserId, conversation: ConversationId, now_ms: u64) -> Result<GroupChanged> {
        self.write(move |transaction| {
            let (row, role) = transaction.group(user, conversation)?;
            if role == Role::Owner && row.member_count > 1 {
                return Err(Refusal::Forbidden.into());
            }
            let line = v1::System { kind: "member_left".to_owned(), ..Default::default() };
            transaction.drop_members(user, row, line, &[user], now_ms)
        })
        .await
    }

    async fn set_role(
        &self,
        actor: UserId,
        conversation: ConversationId,
        user: UserId,
        role: Role,
        now_ms: u64,
    ) -> Result<GroupChanged> {
        self.write(move |transaction| set_role(transaction, actor, conversation, user, role, now_ms)).await
    }

    async fn list_member_changes(
        &self,
        user: UserId,
        conversation: ConversationId,
        since_version: u64,
        limit: u32,
    ) -> Result<(Vec<v1::Member>, u64, bool)> {
        self.read(move |connection| {
            let row = visible_group(connection, user, conversation)?;
            member_changes(connection, &row, since_version, limit)
        })
        .await
    }

    async fn list_member_ids(&self, conversation: ConversationId) -> Result<Vec<UserId>> {
        self.read(move |connection| match ConversationRow::load(connection, conversation)? {
            Some(row) => load_member_ids(connection, row.key),
            None => Ok(Vec::new()),
        })
        .await
    }
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

/// The group of one of its members, as committed.
fn visible_group(connection: &Connection, user: UserId, id: ConversationId) -> Result<ConversationRow> {
    if !id.is_group() {
        return Err(Refusal::NotAMember.into());
    }
    visible_conversation(connection, user, id).map(|(row, _)| row)
}

const MEMBER: &str = "SELECT m.user_id, m.role, m.joined_seq, m.version, u.display_name FROM members m \
     LEFT JOIN users u ON u.user_id = m.user_id WHERE m.conversation = ?";

/// One page of the roster's changes, where to continue, and whether there are more. Members of one change share its version, so a page
/// ends between two versions; a change that is larger than a page comes whole.
fn member_changes(
    connection: &Connection,
    row: &ConversationRow,
    since_version: u64,
    limit: u32,
) -> Result<(Vec<v1::Member>, u64, bool)> {
    let since = i64::try_from(since_version).unwrap_or(i64::MAX);
    let page = format!("{MEMBER} AND m.version > ? AND (? > 0 OR m.role > 0) ORDER BY m.version, m.user_id LIMIT ?");
    let mut members = list_members(connection, &page, params![row.key, since, since, limit.saturating_add(1)])?;
    let Some(over) = members.get(limit as usize).map(|member| member.version) else {
        return Ok((members, row.version, false));
    };
    members.retain(|member| member.version < over);
    if let Some(last) = members.last() {
        let version = last.version;
        return Ok((members, version, true));
    }
    let change = format!("{MEMBER} AND m.version = ? AND (? > 0 OR m.role > 0) ORDER BY m.user_id");
    let members = list_members(connection, &change, params![row.key, over as i64, since])?;
    Ok((members, over, row.roster_version > over))
}

fn list_members(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<v1::Member>> {
    let mut statement = connection.prepare_cached(sql).stored()?;
    let rows = statement.query_map(values, read_member).stored()?;
    rows.collect::<rusqlite::Result<_>>().stored()
}

fn read_member(row: &rusqlite::Row<'_>) -> rusqlite::Result<v1::Member> {
    Ok(v1::Member {
        user_id: number(row, 0)?,
        role: row.get::<_, i32>(1)?.into(),
        joined_seq: number(row, 2)?,
        version: number(row, 3)?,
        display_name: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
        ..Default::default()
    })
}

/// Each user once, in the order of ids.
fn unique(users: &[UserId]) -> Vec<UserId> {
    let mut users = users.to_vec();
    users.sort_unstable();
    users.dedup();
    users
}

struct NewGroup {
    owner: UserId,
    name: String,
    members: Vec<UserId>,
    client_key: Option<String>,
    now_ms: u64,
}

impl NewGroup {
    fn create(&self, transaction: &mut Transaction<'_>) -> Result<(ConversationId, GroupChanged)> {
        if let Some(key) = &self.client_key {
            let sql = "SELECT id FROM conversations WHERE client_key = ?";
            let found: Option<[u8; 16]> =
                transaction.connection.query_row(sql, [key], |row| row.get(0)).optional().stored()?;
            if let Some(id) = found.map(ConversationId::from_bytes) {
                let (row, _) = transaction.group(self.owner, id)?;
                return Ok((id, transaction.unchanged(self.owner, &row)?));
            }
        }
        if self.members.iter().filter(|user| **user != self.owner).count() + 1 > limits::GROUP_MEMBERS_MAX {
            return Err(Refusal::LimitReached.into());
        }
        check_candidates(transaction, self.owner, &self.members)?;
        let sql = "SELECT coalesce(max(conversation), 0) + 1 FROM conversations";
        let number: i64 = transaction.connection.query_row(sql, [], |row| row.get(0)).stored()?;
        let id = ConversationId::group(number as u64);
        let mut row = transaction.create_conversation(id, &[], self.now_ms)?;
        let sql = "UPDATE conversations SET client_key = ? WHERE conversation = ?";
        transaction.connection.execute(sql, params![self.client_key, row.key]).stored()?;
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
        Ok((id, transaction.join_members(self.owner, row, line, &everybody, self.now_ms)?))
    }
}

/// Those who are to join exist, and do not block who adds them.
fn check_candidates(transaction: &mut Transaction<'_>, actor: UserId, users: &[UserId]) -> Result<()> {
    for user in users {
        if !user_exists(transaction.connection, *user)? {
            return Err(Refusal::NotFound.into());
        }
        if transaction.blocks(*user, actor)? {
            return Err(Refusal::Blocked.into());
        }
    }
    Ok(())
}

fn add(
    transaction: &mut Transaction<'_>,
    actor: UserId,
    id: ConversationId,
    users: &[UserId],
    now_ms: u64,
) -> Result<GroupChanged> {
    let (row, _) = transaction.group(actor, id)?;
    let mut fresh = Vec::new();
    for user in users {
        if load_role(transaction.connection, row.key, *user)? == Role::Unspecified {
            fresh.push((*user, Role::Member));
        }
    }
    if fresh.is_empty() {
        return transaction.unchanged(actor, &row);
    }
    let ids: Vec<UserId> = fresh.iter().map(|(user, _)| *user).collect();
    check_candidates(transaction, actor, &ids)?;
    if row.member_count as usize + fresh.len() > limits::GROUP_MEMBERS_MAX {
        return Err(Refusal::LimitReached.into());
    }
    let line = v1::System {
        kind: "members_added".to_owned(),
        user_ids: ids.iter().map(|user| user.0).collect(),
        ..Default::default()
    };
    transaction.join_members(actor, row, line, &fresh, now_ms)
}

fn remove(
    transaction: &mut Transaction<'_>,
    actor: UserId,
    id: ConversationId,
    users: &[UserId],
    now_ms: u64,
) -> Result<GroupChanged> {
    let (row, actor_role) = transaction.group(actor, id)?;
    let mut gone = Vec::new();
    for user in users {
        match (load_role(transaction.connection, row.key, *user)?, actor_role) {
            (Role::Unspecified, Role::Admin | Role::Owner) => {}
            (Role::Member, Role::Admin) | (Role::Member | Role::Admin, Role::Owner) => gone.push(*user),
            _ => return Err(Refusal::Forbidden.into()),
        }
    }
    if gone.is_empty() {
        return transaction.unchanged(actor, &row);
    }
    let line = v1::System {
        kind: "members_removed".to_owned(),
        user_ids: gone.iter().map(|user| user.0).collect(),
        ..Default::default()
    };
    transaction.drop_members(actor, row, line, &gone, now_ms)
}

fn set_role(
    transaction: &mut Transaction<'_>,
    actor: UserId,
    id: ConversationId,
    user: UserId,
    role: Role,
    now_ms: u64,
) -> Result<GroupChanged> {
    let (mut row, actor_role) = transaction.group(actor, id)?;
    if actor_role != Role::Owner || user == actor {
        return Err(Refusal::Forbidden.into());
    }
    match load_role(transaction.connection, row.key, user)? {
        Role::Unspecified => return Err(Refusal::NotAMember.into()),
        former if former == role => return transaction.unchanged(actor, &row),
        _ => {}
    }
    let version = row.version + 1;
    transaction.save_role(row.key, user, role, version)?;
    if role == Role::Owner {
        transaction.save_role(row.key, actor, Role::Admin, version)?;
        row.owner = user;
    }
    row.roster_version = version;
    let line = v1::System {
        kind: "role_changed".to_owned(),
        user_ids: vec![user.0],
        text: format!("{role:?}").trim_start_matches("ROLE_").to_ascii_lowercase(),
        ..Default::default()
    };
    transaction.change_group(actor, row, line, &[user], now_ms)
}

impl Transaction<'_> {
    /// The group and the role of a member.
    fn group(&mut self, user: UserId, id: ConversationId) -> Result<(ConversationRow, Role)> {
        if !id.is_group() {
            return Err(Refusal::NotAMember.into());
        }
        let (row, _) = self.membership(user, id)?;
        let role = load_role(self.connection, row.key, user)?;
        Ok((row, role))
    }

    fn unchanged(&mut self, actor: UserId, row: &ConversationRow) -> Result<GroupChanged> {
        let role = load_role(self.connection, row.key, actor)?;
        Ok(GroupChanged { group: render::group(row, role), delivery: None, user_ids: Vec::new() })
    }

    fn save_role(&mut self, key: i64, user: UserId, role: Role, version: u64) -> Result<()> {
        let sql = "UPDATE members SET role = ?, version = ? WHERE conversation = ? AND user_id = ?";
        let values = params![role as i32, version as i64, key, user.0 as i64];
        self.connection.prepare_cached(sql).stored()?.execute(values).stored().map(drop)
    }

    /// Adds members, who read from the line that says so.
    fn join_members(
        &mut self,
        actor: UserId,
        mut row: ConversationRow,
        line: v1::System,
        users: &[(UserId, Role)],
        now_ms: u64,
    ) -> Result<GroupChanged> {
        let (first_seq, version) = (row.last_seq + 1, row.version + 1);
        for (user, role) in users {
            let sql = "INSERT OR REPLACE INTO members (conversation, user_id, role, joined_seq, version) VALUES (?, ?, ?, ?, ?)";
            let values = params![row.key, user.0 as i64, *role as i32, first_seq as i64, version as i64];
            self.connection.prepare_cached(sql).stored()?.execute(values).stored()?;
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
        self.forget_members(row.key);
        let ids: Vec<UserId> = users.iter().map(|(user, _)| *user).collect();
        self.change_group(actor, row, line, &ids, now_ms)
    }

    /// Removes members; they are told, and see nothing from then on.
    fn drop_members(
        &mut self,
        actor: UserId,
        mut row: ConversationRow,
        line: v1::System,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<GroupChanged> {
        let version = row.version + 1;
        for user in users {
            self.save_role(row.key, *user, Role::Unspecified, version)?;
            if let Some(mut entry) = self.entry(*user, row.key)? {
                entry.member = false;
                self.put_entry(entry)?;
            }
        }
        row.member_count -= users.len() as u32;
        row.roster_version = version;
        self.forget_members(row.key);
        let mut changed = self.change_group(actor, row, line, users, now_ms)?;
        if let Some(Delivery { recipients: Recipients::Users(receivers), .. }) = &mut changed.delivery {
            receivers.extend(users);
        }
        Ok(changed)
    }

    /// Stores the changed group with the system line that says so.
    fn change_group(
        &mut self,
        actor: UserId,
        row: ConversationRow,
        mut line: v1::System,
        users: &[UserId],
        now_ms: u64,
    ) -> Result<GroupChanged> {
        line.actor_id = actor.0;
        let kind = line_kind(&line.kind);
        let content = v1::Content { body: Some(line.into()), ..Default::default() };
        let message = v1::Message { content: content.into(), ..Default::default() };
        let (row, message) = self.append_row(row, message, now_ms, 0)?;
        self.announce(&row, &message)?;
        if let Some(kind) = kind {
            self.record(kind, Lane::conversation(row.id), now_ms, |_| {
                Ok(v1::GroupChanged {
                    group: render::group(&row, Role::Unspecified).into(),
                    actor_id: actor.0,
                    user_ids: users.iter().map(|user| user.0).collect(),
                    line: message.clone().into(),
                    ..Default::default()
                })
            })?;
        }
        let recipients = self.recipients(&row, actor)?;
        let role = load_role(self.connection, row.key, actor)?;
        Ok(GroupChanged {
            group: render::group(&row, role),
            delivery: Some(Delivery { message, recipients }),
            user_ids: users.to_vec(),
        })
    }
}
