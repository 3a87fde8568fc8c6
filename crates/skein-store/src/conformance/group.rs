//! Groups: creation, names, roles, leaving.

use skein_proto::{
    id::{ConversationId, UserId},
    limits,
    v1::{self, Role},
};

use super::{
    World,
    world::{START_MS, done, refused},
};
use crate::{Refusal, group::GroupChanged, message::Recipients};

/// The kind of the system line that says what changed; empty when nothing did.
fn line_kind(changed: &GroupChanged) -> String {
    match changed.delivery.as_ref().map(|delivery| &delivery.message.content.body) {
        Some(Some(v1::content::Body::System(line))) => line.kind.clone(),
        _ => String::new(),
    }
}

async fn role(world: &World, user: UserId, group: ConversationId) -> Role {
    done(world.store.lookup_group(user, group).await).my_role.as_known().unwrap_or_default()
}

/// The same key of the same owner gives the same group, and says nothing again; another owner's key is another.
pub async fn creation_is_idempotent(world: World) {
    let [ann, bob] = world.users().await;
    let (group, created) = done(world.store.create_group(ann, "team", &[bob], "key", START_MS).await);
    assert_eq!((created.group.name.as_str(), created.group.owner_id, created.group.member_count), ("team", ann.0, 2));
    assert_eq!((line_kind(&created).as_str(), created.group.my_role.as_known()), ("group_created", Some(Role::Owner)));
    let version = world.version(bob).await;
    let (again, repeated) = done(world.store.create_group(ann, "other", &[], "key", START_MS).await);
    assert_eq!((again, repeated.group.name.as_str(), repeated.delivery.is_none()), (group, "team", true));
    assert_eq!(world.version(bob).await, version);
    assert_ne!(done(world.store.create_group(bob, "team", &[ann], "key", START_MS).await).0, group);
    let unnamed = done(world.store.create_group(ann, "a", &[], "", START_MS).await).0;
    assert_ne!(done(world.store.create_group(ann, "a", &[], "", START_MS).await).0, unnamed);
}

/// Not with people who are not there, nor with those who block the owner, nor with too many; and no trace of it is left.
pub async fn creation_is_fenced(world: World) {
    let [ann, bob] = world.users().await;
    let nobody = world.store.create_group(ann, "g", &[UserId(404)], "key", START_MS).await;
    assert_eq!(refused(nobody), Refusal::NotFound);
    done(world.store.set_blocked(bob, ann, true).await);
    assert_eq!(refused(world.store.create_group(ann, "g", &[bob], "key", START_MS).await), Refusal::Blocked);
    let many: Vec<_> = (0..=limits::GROUP_MEMBERS_MAX as u64).map(|number| UserId(10_000 + number)).collect();
    assert_eq!(refused(world.store.create_group(ann, "g", &many, "key", START_MS).await), Refusal::LimitReached);
    assert!(world.pull(ann, 0).await.entries.is_empty());
    assert!(done(world.store.create_group(ann, "g", &[], "key", START_MS).await).1.delivery.is_some());
}

/// Owners and admins rename; every member's entry shows it; the same name again is no change.
pub async fn names_change(world: World) {
    let [ann, bob, eve] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    let changed = done(world.store.set_group_name(ann, group, "club", START_MS).await);
    assert_eq!((changed.group.name.as_str(), line_kind(&changed).as_str()), ("club", "renamed"));
    assert_eq!(world.entry(bob, group).await.title, "club");
    assert_eq!(world.entry(bob, group).await.unread, 0, "system lines do not count");
    assert!(done(world.store.set_group_name(ann, group, "club", START_MS).await).delivery.is_none());
    assert_eq!(refused(world.store.set_group_name(bob, group, "mine", START_MS).await), Refusal::Forbidden);
    assert_eq!(refused(world.store.set_group_name(eve, group, "mine", START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.lookup_group(eve, group).await), Refusal::NotAMember);
}

/// A user named twice joins once and goes once.
pub async fn doubled_users_count_once(world: World) {
    let [ann, bob, cid] = world.users().await;
    let (group, created) = done(world.store.create_group(ann, "g", &[bob, ann, bob], "", START_MS).await);
    assert_eq!(created.group.member_count, 2);
    let added = done(world.store.add_members(ann, group, &[cid, bob, cid], START_MS).await);
    assert_eq!((added.group.member_count, added.user_ids), (3, vec![cid]));
    assert!(done(world.store.add_members(ann, group, &[cid, bob], START_MS).await).delivery.is_none());
    let removed = done(world.store.remove_members(ann, group, &[cid, cid], START_MS).await);
    assert_eq!((removed.group.member_count, removed.user_ids), (2, vec![cid]));
    assert!(done(world.store.remove_members(ann, group, &[cid], START_MS).await).delivery.is_none());
    let mut present = done(world.store.list_member_ids(group).await);
    present.sort_unstable();
    assert_eq!(present, [ann, bob]);
}

/// Who may add and remove whom.
pub async fn roles_decide(world: World) {
    let [owner, admin, other, bob, cid, eve] = world.users().await;
    let group = world.group(&[owner, admin, other, bob]).await;
    for user in [admin, other] {
        let changed = done(world.store.set_role(owner, group, user, Role::Admin, START_MS).await);
        assert_eq!(line_kind(&changed), "role_changed");
    }
    assert!(done(world.store.set_role(owner, group, admin, Role::Admin, START_MS).await).delivery.is_none());
    assert_eq!(role(&world, admin, group).await, Role::Admin);
    assert_eq!(refused(world.store.set_role(admin, group, bob, Role::Admin, START_MS).await), Refusal::Forbidden);
    assert_eq!(refused(world.store.set_role(owner, group, eve, Role::Admin, START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.set_role(eve, group, bob, Role::Admin, START_MS).await), Refusal::NotAMember);
    // A plain member adds, and removes nobody.
    done(world.store.add_members(bob, group, &[cid], START_MS).await);
    assert_eq!(refused(world.store.remove_members(bob, group, &[cid], START_MS).await), Refusal::Forbidden);
    // An admin removes plain members, all named or none.
    assert_eq!(refused(world.store.remove_members(admin, group, &[cid, other], START_MS).await), Refusal::Forbidden);
    assert_eq!(refused(world.store.remove_members(admin, group, &[owner], START_MS).await), Refusal::Forbidden);
    assert_eq!(world.entry(cid, group).await.member_count, 5);
    done(world.store.remove_members(admin, group, &[cid], START_MS).await);
    done(world.store.remove_members(owner, group, &[other], START_MS).await);
    assert_eq!(refused(world.store.remove_members(eve, group, &[bob], START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.add_members(eve, group, &[eve], START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.add_members(owner, group, &[UserId(404)], START_MS).await), Refusal::NotFound);
    done(world.store.set_blocked(eve, owner, true).await);
    assert_eq!(refused(world.store.add_members(owner, group, &[eve], START_MS).await), Refusal::Blocked);
}

/// The new owner owns, the former one is admin.
pub async fn ownership_moves(world: World) {
    let [ann, bob] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    let changed = done(world.store.set_role(ann, group, bob, Role::Owner, START_MS).await);
    assert_eq!((changed.group.owner_id, changed.group.my_role.as_known()), (bob.0, Some(Role::Admin)));
    assert_eq!((role(&world, ann, group).await, role(&world, bob, group).await), (Role::Admin, Role::Owner));
    assert_eq!(refused(world.store.remove_members(ann, group, &[bob], START_MS).await), Refusal::Forbidden);
    done(world.store.leave_group(ann, group, START_MS).await);
}

/// The owner goes last; who has left is told once and is a stranger from then on.
pub async fn leaving_ends_membership(world: World) {
    let [ann, bob] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    assert_eq!(refused(world.store.leave_group(ann, group, START_MS).await), Refusal::Forbidden);
    let before = world.version(bob).await;
    let changed = done(world.store.leave_group(bob, group, START_MS).await);
    let receivers = changed.delivery.map(|delivery| delivery.recipients);
    assert!(matches!(receivers, Some(Recipients::Users(users)) if users.contains(&ann) && users.contains(&bob)));
    let entry = world.pull(bob, before).await.entries.remove(0);
    assert!(!entry.member && entry.unread == 0 && !entry.last_message.is_set());
    assert_eq!(refused(world.store.leave_group(bob, group, START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.append(&world.message(bob, group, "wait")).await), Refusal::NotAMember);
    done(world.store.leave_group(ann, group, START_MS).await);
    assert_eq!(refused(world.store.lookup_group(ann, group).await), Refusal::NotAMember);
    assert!(done(world.store.list_member_ids(group).await).is_empty());
}

/// Nobody joins, leaves or renames a conversation of two.
pub async fn pairs_are_no_groups(world: World) {
    let [ann, bob, eve] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "us").await;
    assert_eq!(refused(world.store.lookup_group(ann, pair).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.set_group_name(ann, pair, "we", START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.add_members(ann, pair, &[eve], START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.leave_group(ann, pair, START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.set_role(ann, pair, bob, Role::Owner, START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.list_member_changes(ann, pair, 0, 10).await), Refusal::NotAMember);
    assert_eq!(world.entry(bob, pair).await.member_count, 2);
}
