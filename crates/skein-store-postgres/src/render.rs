//! Rows as the messages of the schema, a page or a batch at a time.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use skein_proto::v1;
use tokio_postgres::Row;

use crate::{
    failure::Outcome,
    pool::query,
    rows::{ConversationRow, EntryRow, Key, bound, decode_message, number},
};

/// Added to the sort key of pinned entries: above all times.
const PINNED_SORT_KEY: u64 = 1 << 62;

/// An entry with what it is rendered from.
#[derive(Debug)]
pub(crate) struct EntryToRender {
    pub conversation: ConversationRow,
    pub entry: EntryRow,
    /// Messages hidden after this version of the user's timeline are named.
    pub since: u64,
}

/// What an entry shows besides its own row: the newest message that its user may see, the other of a pair and how far it is, what was hidden.
const SURROUNDINGS: &str = "SELECT n.place, m.body, u.display_name, u.avatar, coalesce(p.read_seq, 0), coalesce(p.delivered_seq, 0), \
     ARRAY(SELECT h.message_id FROM hidden h WHERE h.user_id = n.user_id AND h.conversation = n.conversation AND h.version > n.since) \
     FROM unnest($1::int8[], $2::int2[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[]) \
     WITH ORDINALITY AS n (conversation, slot, user_id, peer_id, above, through, since, place) \
     LEFT JOIN users u ON u.user_id = n.peer_id \
     LEFT JOIN entries p ON p.user_id = n.peer_id AND p.conversation = n.conversation \
     LEFT JOIN LATERAL (SELECT m.body FROM messages m WHERE m.slot = n.slot AND m.conversation = n.conversation \
       AND m.seq > n.above AND m.seq <= n.through AND NOT EXISTS (SELECT 1 FROM hidden h \
       WHERE h.user_id = n.user_id AND h.conversation = n.conversation AND h.message_id = m.message_id) \
       ORDER BY m.seq DESC LIMIT 1) m ON true";

/// The entries as their users see them, in the same order.
pub(crate) async fn entries<C: GenericClient>(
    client: &C,
    wanted: &[EntryToRender],
) -> Outcome<Vec<v1::ConversationEntry>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let column = |value: fn(&EntryToRender) -> i64| wanted.iter().map(value).collect::<Vec<i64>>();
    let slots: Vec<i16> = wanted.iter().map(|one| one.conversation.slot()).collect();
    let rows = query(
        client,
        SURROUNDINGS,
        &[
            &column(|one| one.conversation.key),
            &slots,
            &column(|one| one.entry.user.0 as i64),
            &column(|one| one.conversation.id.peer_of(one.entry.user).map_or(0, |peer| peer.0 as i64)),
            &column(|one| bound(one.entry.invisible_through())),
            // Nothing for those who are not in it, and nothing that is newer than the row.
            &column(|one| if one.entry.member { bound(one.conversation.last_seq) } else { 0 }),
            &column(|one| bound(one.since)),
        ],
    )
    .await?;
    let mut rendered: Vec<v1::ConversationEntry> = wanted.iter().map(own_part).collect();
    for row in rows {
        let place = number(&row, 0)? as usize - 1;
        add_surroundings(&mut rendered[place], &row)?;
    }
    Ok(rendered)
}

/// What the rows of the entry and of the conversation say.
fn own_part(wanted: &EntryToRender) -> v1::ConversationEntry {
    let EntryToRender { conversation, entry, .. } = wanted;
    let peer = conversation.id.peer_of(entry.user);
    // What a group has become since is not for those who left it.
    let shown = entry.member && peer.is_none();
    v1::ConversationEntry {
        conversation_id: conversation.id.to_string(),
        kind: kind(conversation).into(),
        version: entry.version,
        sort_key: entry.sort_ms + if entry.pinned { PINNED_SORT_KEY } else { 0 },
        last_seq: if entry.member { conversation.last_seq } else { 0 },
        conversation_version: if entry.member { conversation.version } else { 0 },
        unread: if entry.member { conversation.countable.saturating_sub(entry.floor_countable) } else { 0 },
        mentioned: entry.member && entry.mention_seq > entry.floor_seq,
        read_seq: entry.read_seq,
        cleared_seq: entry.cleared_seq,
        pinned: entry.pinned,
        mute: entry.mute.into(),
        draft: entry.draft.clone(),
        remark: entry.remark.clone(),
        hidden: entry.hidden,
        archived: entry.archived,
        title: if shown { conversation.name.clone() } else { String::new() },
        avatar: if shown { conversation.avatar.clone() } else { String::new() },
        peer_id: peer.map_or(0, |peer| peer.0),
        first_seq: entry.first_seq.max(entry.cleared_seq + 1),
        member: entry.member,
        member_count: if entry.member { conversation.member_count } else { 0 },
        ..Default::default()
    }
}

fn add_surroundings(entry: &mut v1::ConversationEntry, row: &Row) -> Outcome<()> {
    let body: Option<&[u8]> = row.try_get(1)?;
    entry.last_message = body.map(decode_message).transpose()?.into();
    if let Some(name) = row.try_get(2)? {
        entry.title = name;
        entry.avatar = row.try_get(3)?;
    }
    entry.peer_read_seq = number(row, 4)?;
    entry.peer_delivered_seq = number(row, 5)?;
    let hidden: Vec<i64> = row.try_get(6)?;
    entry.deleted_message_ids = hidden.into_iter().map(|id| id as u64).collect();
    Ok(())
}

fn kind(conversation: &ConversationRow) -> v1::ConversationKind {
    match conversation.id.users() {
        None => v1::ConversationKind::Group,
        Some((one, other)) if one == other => v1::ConversationKind::CONVERSATION_KIND_SELF,
        Some(_) => v1::ConversationKind::Direct,
    }
}

const NEWEST: &str = "SELECT n.conversation, m.body \
     FROM unnest($1::int8[], $2::int2[], $3::int8[], $4::int8[]) AS n (conversation, slot, user_id, above) \
     CROSS JOIN LATERAL (SELECT m.body, m.seq FROM messages m WHERE m.slot = n.slot AND m.conversation = n.conversation \
       AND m.seq > n.above AND NOT EXISTS (SELECT 1 FROM hidden h \
       WHERE h.user_id = n.user_id AND h.conversation = n.conversation AND h.message_id = m.message_id) \
       ORDER BY m.seq DESC LIMIT $5) m ORDER BY n.conversation, m.seq";

/// The newest messages that the entries' users may see: by conversation in the order of the entries, oldest first.
pub(crate) async fn newest<C: GenericClient>(
    client: &C,
    wanted: &[EntryToRender],
    limit: u32,
) -> Outcome<Vec<v1::Message>> {
    let members: Vec<&EntryToRender> = wanted.iter().filter(|one| one.entry.member).collect();
    if members.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let keys: Vec<Key> = members.iter().map(|one| one.conversation.key).collect();
    let slots: Vec<i16> = members.iter().map(|one| one.conversation.slot()).collect();
    let users: Vec<i64> = members.iter().map(|one| one.entry.user.0 as i64).collect();
    let above: Vec<i64> = members.iter().map(|one| bound(one.entry.invisible_through())).collect();
    let mut found: HashMap<Key, Vec<v1::Message>> = HashMap::new();
    for row in query(client, NEWEST, &[&keys, &slots, &users, &above, &i64::from(limit)]).await? {
        found.entry(row.try_get(0)?).or_default().push(decode_message(row.try_get(1)?)?);
    }
    Ok(keys.iter().flat_map(|key| found.remove(key).unwrap_or_default()).collect())
}

/// The group as one of its members sees it.
pub(crate) fn group(conversation: &ConversationRow, role: v1::Role) -> v1::Group {
    v1::Group {
        conversation_id: conversation.id.to_string(),
        name: conversation.name.clone(),
        avatar: conversation.avatar.clone(),
        owner_id: conversation.owner.0,
        member_count: conversation.member_count,
        version: conversation.version,
        created_time_ms: conversation.created_ms,
        my_role: role.into(),
        ..Default::default()
    }
}
