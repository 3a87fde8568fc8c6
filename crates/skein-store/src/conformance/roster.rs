//! Who sees what when the roster changes, the roster's own sync, and large groups.

use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, Role},
};

use super::{
    LARGE_GROUP_MEMBERS, World,
    world::{START_MS, done, id_of, refused, texts},
};
use crate::{Refusal, message::Recipients};

async fn large_group(world: &World) -> (Vec<UserId>, ConversationId) {
    let mut users = Vec::new();
    for _ in 0..=LARGE_GROUP_MEMBERS {
        users.push(world.user().await);
    }
    let group = world.group(&users).await;
    (users, group)
}

/// From the line that announces it, and nothing that was before, by any read.
pub async fn new_members_read_from_joining(world: World) {
    let [ann, bob, cid] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    let before = world.send(ann, group, "before").await;
    let delivery = done(world.store.add_members(ann, group, &[cid], START_MS).await).delivery.expect("cid is new");
    let joined_seq = delivery.message.seq;
    world.send(ann, group, "after").await;
    let seen = world.history(cid, group).await;
    assert_eq!((seen[0].seq, texts(&seen)), (joined_seq, vec!["after"]));
    let pulled = done(world.store.pull_conversation(cid, group, 0, 100).await);
    assert_eq!((pulled.first_seq, texts(&pulled.messages)), (joined_seq, vec!["after"]));
    assert!(done(world.store.list_messages(cid, group, &[id_of(&before)]).await).is_empty());
    assert_eq!(refused(world.store.list_edits(cid, group, id_of(&before)).await), Refusal::NotFound);
    assert_eq!(refused(world.store.list_cursors(cid, group, before.seq).await), Refusal::NotFound);
    assert_eq!(done(world.store.hide_messages(cid, group, &[id_of(&before)]).await).0, 0);
    assert_eq!(world.entry(cid, group).await.unread, 1);
    assert_eq!(texts(&world.history(bob, group).await), ["before", "after"]);
}

/// Neither what is said after, nor what was before; the entry says that it is over.
pub async fn removed_members_read_nothing(world: World) {
    let [ann, bob] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    let message = world.send(ann, group, "before").await;
    done(world.store.remove_members(ann, group, &[bob], START_MS).await);
    world.send(ann, group, "after").await;
    let version = world.version(bob).await;
    assert_eq!(refused(world.store.lookup_entry(bob, group).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.pull_conversation(bob, group, 0, 10).await), Refusal::NotAMember);
    let from = crate::sync::HistoryFrom::Before(u64::MAX);
    assert_eq!(refused(world.store.list_history(bob, group, from, 10).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.list_messages(bob, group, &[id_of(&message)]).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.list_member_changes(bob, group, 0, 10).await), Refusal::NotAMember);
    let pulled = done(world.store.pull_user(bob, 0, 0, 100, 10).await);
    assert!(pulled.messages.is_empty() && pulled.total_unread == 0 && pulled.heads.is_empty());
    let entry = &pulled.entries[0];
    assert!(!entry.member && !entry.last_message.is_set() && entry.last_seq == 0 && entry.title.is_empty());
    done(world.store.set_group_name(ann, group, "secret", START_MS).await);
    assert_eq!(world.version(bob).await, version, "nothing tells a former member anything");
}

/// What was said meanwhile, and before, stays out of sight.
pub async fn coming_back_starts_afresh(world: World) {
    let [ann, bob] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    world.send(ann, group, "before").await;
    done(world.store.remove_members(ann, group, &[bob], START_MS).await);
    world.send(ann, group, "meanwhile").await;
    done(world.store.add_members(ann, group, &[bob], START_MS).await);
    assert_eq!(world.entry(bob, group).await.unread, 0);
    world.send(ann, group, "again").await;
    assert_eq!(texts(&world.history(bob, group).await), ["again"]);
    assert_eq!(texts(&done(world.store.pull_conversation(bob, group, 0, 10).await).messages), ["again"]);
    assert_eq!(world.entry(bob, group).await.unread, 1);
    assert_eq!(done(world.store.lookup_group(bob, group).await).my_role.as_known(), Some(Role::Member));
}

/// Each change once, by version; those who have gone come without a role.
pub async fn changes_are_listed_by_version(world: World) {
    let [ann, bob, cid, eve] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    let (members, version, more) = done(world.store.list_member_changes(ann, group, 0, 10).await);
    assert_eq!((members.len(), more), (2, false));
    assert!(members.iter().all(|member| !member.display_name.is_empty() && member.joined_seq == 1));
    done(world.store.add_members(ann, group, &[cid], START_MS).await);
    done(world.store.set_role(ann, group, cid, Role::Admin, START_MS).await);
    done(world.store.remove_members(ann, group, &[bob], START_MS).await);
    let (one, next, more) = done(world.store.list_member_changes(cid, group, version, 1).await);
    assert_eq!((one[0].user_id, one[0].role.as_known(), more), (cid.0, Some(Role::Admin), true));
    let (two, end, more) = done(world.store.list_member_changes(cid, group, next, 1).await);
    assert_eq!((two[0].user_id, two[0].role.as_known(), more), (bob.0, Some(Role::Unspecified), false));
    assert!(done(world.store.list_member_changes(cid, group, end, 1).await).0.is_empty());
    assert_eq!(refused(world.store.list_member_changes(eve, group, 0, 1).await), Refusal::NotAMember);
}

/// Paging through a roster that came to be in one change misses nobody, however small the page.
pub async fn one_large_change_is_listed_whole(world: World) {
    let (users, group) = large_group(&world).await;
    let late = world.user().await;
    done(world.store.add_members(users[0], group, &[late], START_MS).await);
    let (mut since, mut seen) = (0, Vec::new());
    loop {
        let (members, version, more) = done(world.store.list_member_changes(users[0], group, since, 2).await);
        seen.extend(members.iter().map(|member| UserId(member.user_id)));
        if !more {
            break;
        }
        assert!(version > since, "every page moves on");
        since = version;
    }
    seen.sort_unstable();
    let mut expected = users;
    expected.push(late);
    assert_eq!(seen, expected);
}

/// A send moves the sender and those it mentions, nobody else; the receivers are named by roster version.
pub async fn large_groups_write_no_entries(world: World) {
    let (users, group) = large_group(&world).await;
    let mut versions = Vec::new();
    for user in &users {
        versions.push(world.version(*user).await);
    }
    let mut message = world.message(users[0], group, "hello all");
    message.content.mentions = vec![v1::Mention { user_id: users[1].0, ..Default::default() }];
    let appended = done(world.append(&message).await);
    let Recipients::Roster { conversation, roster_version } = appended.recipients else {
        panic!("a large group is named by its roster")
    };
    assert_eq!((conversation, roster_version), (group, 1));
    for (place, user) in users.iter().enumerate() {
        let moved = u64::from(place < 2);
        assert_eq!(world.version(*user).await, versions[place] + moved, "member {place}");
    }
    assert!(world.entry(users[1], group).await.mentioned);
    assert_eq!(world.entry(users[2], group).await.unread, 1, "unread is derived all the same");
    assert_eq!(done(world.store.list_member_ids(group).await).len(), users.len());
}

/// A pull with nothing new still says how far the caller's large groups are.
pub async fn large_groups_show_heads(world: World) {
    let (users, group) = large_group(&world).await;
    let version = world.version(users[3]).await;
    let last = world.send(users[0], group, "one").await;
    let pulled = world.pull(users[3], version).await;
    assert!(pulled.entries.is_empty());
    assert_eq!(pulled.heads.len(), 1);
    let head = &pulled.heads[0];
    assert_eq!((head.conversation_id.as_str(), head.last_seq), (group.to_string().as_str(), last.seq));
    assert_eq!((head.version, head.unread, pulled.total_unread), (last.version, 1, 1));
    let read = done(world.store.set_read(users[3], group, last.seq, START_MS).await);
    assert!(read.recipients.is_none() && read.entry.unread == 0);
    assert_eq!(world.pull(users[3], 0).await.total_unread, 0);
    assert!(done(world.store.pull_conversation(users[3], group, 0, 10).await).cursors.is_empty());
}
