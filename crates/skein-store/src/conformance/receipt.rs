//! Cursors: reading, delivery, who has read.

use skein_proto::id::{ConversationId, UserId};

use super::{
    World,
    world::{START_MS, done, refused},
};
use crate::{Refusal, message::Recipients};

/// Forward, at most to the last seq; going back or staying tells nobody anything.
pub async fn reading_moves_forward_only(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    for text in ["one", "two", "three"] {
        world.send(ann, pair, text).await;
    }
    let before = world.version(bob).await;
    let moved = done(world.store.set_read(bob, pair, 2, START_MS + 7).await);
    assert_eq!((moved.cursor.read_seq, moved.cursor.delivered_seq, moved.cursor.read_time_ms), (2, 2, START_MS + 7));
    assert_eq!((moved.entry.unread, moved.entry.read_seq, moved.entry.version), (1, 2, before + 1));
    assert!(matches!(moved.recipients, Some(Recipients::Users(users)) if users.contains(&ann)));
    let back = done(world.store.set_read(bob, pair, 1, START_MS + 9).await);
    assert_eq!((back.cursor.read_seq, back.cursor.read_time_ms), (2, START_MS + 7));
    assert!(back.recipients.is_none());
    assert_eq!(world.version(bob).await, before + 1);
    let end = done(world.store.set_read(bob, pair, u64::MAX, START_MS).await);
    assert_eq!((end.cursor.read_seq, end.entry.unread), (3, 0));
    assert_eq!(world.entry(ann, pair).await.peer_read_seq, 3);
}

/// What one wrote oneself is read, and so is what was before it; lines of the system never count.
pub async fn reading_and_unread_agree(world: World) {
    let [ann, bob] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    world.send(ann, group, "one").await;
    done(world.store.set_group_name(ann, group, "renamed", START_MS).await);
    world.send(ann, group, "two").await;
    assert_eq!((world.entry(bob, group).await.unread, world.pull(bob, 0).await.total_unread), (2, 2));
    world.send(bob, group, "mine").await;
    assert_eq!((world.entry(bob, group).await.unread, world.entry(ann, group).await.unread), (0, 1));
    world.send(ann, group, "three").await;
    done(world.store.set_read(bob, group, 2, START_MS).await);
    assert_eq!(world.entry(bob, group).await.unread, 1, "an older cursor does not bring anything back");
}

/// Delivered is told to the others and kept, and is no change of one's own world.
pub async fn delivery_does_not_move_the_timeline(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "one").await;
    let before = world.version(bob).await;
    let moved = done(world.store.set_delivered(bob, pair, 9).await);
    assert_eq!((moved.cursor.delivered_seq, moved.cursor.read_seq, moved.entry.unread), (1, 0, 1));
    assert!(moved.recipients.is_some());
    assert!(done(world.store.set_delivered(bob, pair, 1).await).recipients.is_none());
    assert_eq!(world.version(bob).await, before);
    assert_eq!(world.entry(ann, pair).await.peer_delivered_seq, 1);
    let cursors = done(world.store.pull_conversation(ann, pair, 0, 10).await).cursors;
    assert!(cursors.iter().any(|cursor| cursor.user_id == bob.0 && cursor.delivered_seq == 1));
}

/// Present members who could see the message, without its sender.
pub async fn cursors_of_those_who_could_see(world: World) {
    let [ann, bob, cid, dot] = world.users().await;
    let group = world.group(&[ann, bob, dot]).await;
    let old = world.send(ann, group, "old").await;
    done(world.store.add_members(ann, group, &[cid], START_MS).await);
    let new = world.send(ann, group, "new").await;
    done(world.store.remove_members(ann, group, &[dot], START_MS).await);
    done(world.store.set_read(bob, group, old.seq, START_MS).await);
    let of = async |seq: u64| {
        let cursors = done(world.store.list_cursors(ann, group, seq).await);
        cursors.iter().map(|cursor| (UserId(cursor.user_id), cursor.read_seq >= seq)).collect::<Vec<_>>()
    };
    assert_eq!(of(old.seq).await, [(bob, true)]);
    assert_eq!(of(new.seq).await, [(bob, false), (cid, false)]);
    assert_eq!(refused(world.store.list_cursors(ann, group, 99).await), Refusal::NotFound);
    assert_eq!(refused(world.store.list_cursors(ann, group, 0).await), Refusal::NotFound);
}

/// Neither strangers nor former members read or move a cursor.
pub async fn strangers_have_no_cursor(world: World) {
    let [ann, bob, eve] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    done(world.store.remove_members(ann, group, &[bob], START_MS).await);
    for user in [bob, eve] {
        assert_eq!(refused(world.store.set_read(user, group, 1, START_MS).await), Refusal::NotAMember);
        assert_eq!(refused(world.store.set_delivered(user, group, 1).await), Refusal::NotAMember);
        assert_eq!(refused(world.store.list_cursors(user, group, 1).await), Refusal::NotAMember);
    }
}
