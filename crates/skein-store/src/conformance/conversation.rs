//! Each user's own entry of a conversation.

use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};

use super::{
    World,
    world::{START_MS, done, refused, text_of, texts},
};
use crate::{
    Refusal,
    conversation::{Audience, EntryChange},
};

/// Both sides of a pair: title, kind, last message, unread, versions.
pub async fn entries_are_complete(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "one").await;
    let last = world.send(ann, pair, "two").await;
    let own = world.entry(ann, pair).await;
    let other = world.entry(bob, pair).await;
    assert_eq!((own.unread, other.unread), (0, 2));
    assert_eq!((own.peer_id, other.peer_id), (bob.0, ann.0));
    assert_eq!((own.title, other.title), (format!("The user{bob}"), format!("The user{ann}")));
    assert_eq!(other.kind.as_known(), Some(v1::ConversationKind::Direct));
    assert_eq!((other.last_seq, other.conversation_version, other.first_seq), (2, last.version, 1));
    assert_eq!(text_of(&other.last_message), "two");
    assert_eq!((other.sort_key, other.member, other.hidden), (START_MS, true, false));
    assert_eq!(other.version, world.version(bob).await);
}

/// Nobody reads or changes an entry of a conversation that is not theirs, or is not there.
pub async fn strangers_have_no_entry(world: World) {
    let [ann, bob, eve] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "one").await;
    for conversation in [pair, ConversationId::group(77), ConversationId::direct(ann, eve)] {
        assert_eq!(refused(world.store.lookup_entry(eve, conversation).await), Refusal::NotAMember);
        let change = EntryChange { pinned: Some(true), ..Default::default() };
        assert_eq!(refused(world.store.set_entry(eve, conversation, change).await), Refusal::NotAMember);
        assert_eq!(refused(world.store.clear_entry(eve, conversation, true).await), Refusal::NotAMember);
    }
}

/// Fields that are not named stay; only the caller's timeline moves.
pub async fn entries_change_by_field(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "one").await;
    let (before, others) = (world.version(ann).await, world.version(bob).await);
    let change = EntryChange { draft: Some("dear".to_owned()), mute: Some(v1::MuteLevel::Quiet), ..Default::default() };
    done(world.store.set_entry(ann, pair, change).await);
    let change = EntryChange { remark: Some("Bobby".to_owned()), archived: Some(true), ..Default::default() };
    let entry = done(world.store.set_entry(ann, pair, change).await);
    assert_eq!((entry.draft.as_str(), entry.remark.as_str(), entry.archived), ("dear", "Bobby", true));
    assert_eq!(entry.mute.as_known(), Some(v1::MuteLevel::Quiet));
    assert_eq!(entry, world.entry(ann, pair).await);
    assert_eq!((world.version(ann).await, world.version(bob).await), (before + 2, others));
    assert_eq!(world.pull(ann, before).await.entries, [entry]);
}

/// Who refuses the pushes of a conversation is not among the receivers, and misses nothing when pulling.
pub async fn refusing_mutes_the_pushes(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "one").await;
    let change = EntryChange { mute: Some(v1::MuteLevel::Refuse), ..Default::default() };
    done(world.store.set_entry(bob, pair, change).await);
    let receivers = |appended: crate::message::Appended| match appended.recipients {
        crate::message::Recipients::Users(users) => users,
        crate::message::Recipients::Roster { .. } => Vec::new(),
    };
    assert_eq!(receivers(done(world.append(&world.message(ann, pair, "two")).await)), [ann]);
    assert_eq!(world.entry(bob, pair).await.unread, 2);
    let own = receivers(done(world.append(&world.message(bob, pair, "three")).await));
    assert!(own.contains(&ann) && own.contains(&bob), "the own other devices still hear");
}

/// A pinned entry sorts above every newer one, until it is let go.
pub async fn pinned_entries_sort_above(world: World) {
    let [ann, bob, cid] = world.users().await;
    let (old, new) = (ConversationId::direct(ann, bob), ConversationId::direct(ann, cid));
    world.send(ann, old, "old").await;
    let mut later = world.message(ann, new, "new");
    later.now_ms += 1_000;
    done(world.append(&later).await);
    let pin = |pinned| EntryChange { pinned: Some(pinned), ..Default::default() };
    let pinned = done(world.store.set_entry(ann, old, pin(true)).await);
    assert!(pinned.sort_key > world.entry(ann, new).await.sort_key);
    let unpinned = done(world.store.set_entry(ann, old, pin(false)).await);
    assert!(unpinned.sort_key < world.entry(ann, new).await.sort_key);
}

/// What was cleared is gone for the one who cleared it, from every read; the other keeps it.
pub async fn cleared_messages_never_return(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let first = world.send(ann, pair, "one").await;
    world.send(ann, pair, "two").await;
    let cleared = done(world.store.clear_entry(bob, pair, false).await);
    assert_eq!((cleared.unread, cleared.cleared_seq, cleared.first_seq), (0, 2, 3));
    assert!(!cleared.last_message.is_set() && !cleared.hidden);
    world.send(ann, pair, "three").await;
    assert_eq!(texts(&world.history(bob, pair).await), ["three"]);
    assert_eq!(texts(&world.history(ann, pair).await), ["one", "two", "three"]);
    assert_eq!(texts(&done(world.store.pull_conversation(bob, pair, 0, 100).await).messages), ["three"]);
    let named = [super::world::id_of(&first)];
    assert!(done(world.store.list_messages(bob, pair, &named).await).is_empty());
    assert_eq!(refused(world.store.list_edits(bob, pair, named[0]).await), Refusal::NotFound);
    assert_eq!(world.entry(bob, pair).await.unread, 1);
}

/// Hiding takes pin and draft along; the next message brings the entry back, without what was before.
pub async fn hidden_entries_come_back(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "one").await;
    let change = EntryChange { pinned: Some(true), draft: Some("d".to_owned()), ..Default::default() };
    done(world.store.set_entry(bob, pair, change).await);
    let hidden = done(world.store.clear_entry(bob, pair, true).await);
    assert!(hidden.hidden && !hidden.pinned && hidden.draft.is_empty());
    world.send(ann, pair, "two").await;
    let back = world.entry(bob, pair).await;
    assert_eq!((back.hidden, back.unread, text_of(&back.last_message)), (false, 1, "two"));
    assert_eq!(texts(&world.history(bob, pair).await), ["two"]);
}

/// Notes to oneself are a conversation with one member, always read.
pub async fn writing_to_oneself_works(world: World) {
    let ann: UserId = world.user().await;
    let own = ConversationId::direct(ann, ann);
    world.send(ann, own, "milk").await;
    let entry = world.entry(ann, own).await;
    assert_eq!((entry.unread, entry.member_count, entry.last_seq), (0, 1, 1));
    assert_eq!(entry.kind.as_known(), Some(v1::ConversationKind::CONVERSATION_KIND_SELF));
    assert_eq!(texts(&world.history(ann, own).await), ["milk"]);
}

/// Members, or both of a pair; whoever may not speak there is refused as with a message.
pub async fn audiences_are_those_who_hear(world: World) {
    let [ann, bob, eve] = world.users().await;
    let of = async |user: UserId, conversation: ConversationId| {
        let mut audience = world.store.list_audience(user, conversation).await?;
        audience.users.sort_unstable();
        crate::Result::Ok(audience)
    };
    let group = world.group(&[ann, bob, eve]).await;
    done(world.store.remove_members(ann, group, &[eve], START_MS).await);
    let both = Audience { users: vec![ann, bob], is_large: false };
    assert_eq!(done(of(ann, group).await), both);
    assert_eq!(done(of(bob, ConversationId::direct(ann, bob)).await), both, "nobody has written yet");
    let alone = Audience { users: vec![ann], is_large: false };
    assert_eq!(done(of(ann, ConversationId::direct(ann, ann)).await), alone);
    for conversation in [group, ConversationId::direct(ann, bob), ConversationId::group(77)] {
        assert_eq!(refused(of(eve, conversation).await), Refusal::NotAMember);
    }
    assert_eq!(refused(of(ann, ConversationId::direct(ann, UserId(1))).await), Refusal::NotFound);
    done(world.store.set_blocked(bob, ann, true).await);
    assert_eq!(refused(of(ann, ConversationId::direct(ann, bob)).await), Refusal::Blocked);
    assert_eq!(done(of(bob, ConversationId::direct(ann, bob)).await), both, "whoever blocks may speak");
    assert_eq!(done(of(ann, group).await), both, "a block is about two");
    let many: [UserId; super::LARGE_GROUP_MEMBERS as usize] = world.users().await;
    done(world.store.add_members(ann, group, &many, START_MS).await);
    assert_eq!(done(of(ann, group).await), Audience { users: Vec::new(), is_large: true });
}
