//! The two pulls, and history.

use skein_proto::id::{ConversationId, UserId};

use super::{
    World,
    world::{START_MS, done, id_of, refused, text_content, text_of, texts},
};
use crate::{Refusal, message::MessageChange, sync::HistoryFrom};

/// A user with this many conversations, the latest written to last.
async fn busy_user(world: &World, conversations: usize) -> UserId {
    let ann = world.user().await;
    for _ in 0..conversations {
        let peer = world.user().await;
        world.send(peer, ConversationId::direct(ann, peer), "hello").await;
    }
    ann
}

/// Pages of any size hold each entry once, latest change first, and together what one pull of all holds.
pub async fn pages_make_the_whole_world(world: World) {
    let ann = busy_user(&world, 7).await;
    let whole = world.pull(ann, 0).await;
    assert_eq!((whole.entries.len(), whole.has_more, whole.total_unread), (7, false, 7));
    assert!(whole.entries.is_sorted_by(|one, next| one.version > next.version));
    for limit in 1..=8 {
        let (mut before, mut entries) = (0, Vec::new());
        loop {
            let mut page = done(world.store.pull_user(ann, 0, before, limit, 0).await);
            assert_eq!(page.version, whole.version);
            assert_eq!(page.me.is_set(), before == 0, "the profile is on the first page");
            assert!(page.entries.len() <= limit as usize);
            entries.append(&mut page.entries);
            if !page.has_more {
                assert_eq!(page.total_unread, 7);
                break;
            }
            before = page.next_before_version;
        }
        assert_eq!(entries, whole.entries, "pages of {limit}");
    }
}

/// From the head on there is nothing, until something changes: then only that.
pub async fn nothing_new_is_empty(world: World) {
    let ann = busy_user(&world, 3).await;
    let head = world.pull(ann, 0).await.version;
    let nothing = world.pull(ann, head).await;
    assert_eq!((nothing.version, nothing.entries.len(), nothing.has_more), (head, 0, false));
    assert!(nothing.blocks.is_empty() && nothing.settings.is_empty() && !nothing.me.is_set());
    let peer = world.user().await;
    let pair = ConversationId::direct(ann, peer);
    world.send(peer, pair, "news").await;
    let news = world.pull(ann, head).await;
    assert_eq!(news.entries, [world.entry(ann, pair).await]);
    assert!(news.version > head);
}

/// The newest messages of each changed conversation, oldest of them first, and none that the caller may not see.
pub async fn bundles_carry_the_newest(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    for text in ["one", "two", "three", "four"] {
        world.send(bob, pair, text).await;
    }
    let pulled = done(world.store.pull_user(ann, 0, 0, 10, 2).await);
    assert_eq!(texts(&pulled.messages), ["three", "four"]);
    let hidden = id_of(&pulled.messages[1]);
    done(world.store.hide_messages(ann, pair, &[hidden]).await);
    assert_eq!(texts(&done(world.store.pull_user(ann, 0, 0, 10, 2).await).messages), ["two", "three"]);
    done(world.store.clear_entry(ann, pair, false).await);
    assert!(done(world.store.pull_user(ann, 0, 0, 10, 2).await).messages.is_empty());
}

/// Pages of any size hold every message once at its latest version, in the order of versions.
pub async fn conversation_pages_make_the_whole(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let mut sent = Vec::new();
    for number in 0..9 {
        sent.push(world.send(ann, pair, &number.to_string()).await);
    }
    for place in [2, 7, 2] {
        let change = MessageChange::Edit { content: text_content("edited"), window_ms: 1_000 };
        done(world.store.change_message(ann, pair, id_of(&sent[place]), change, START_MS).await);
    }
    let whole = done(world.store.pull_conversation(bob, pair, 0, 100).await);
    assert_eq!((whole.messages.len(), whole.has_more, whole.last_seq, whole.version), (9, false, 9, 12));
    assert!(whole.messages.is_sorted_by(|one, next| one.version < next.version));
    for limit in 1..=10 {
        let (mut since, mut messages) = (0, Vec::new());
        loop {
            let mut page = done(world.store.pull_conversation(bob, pair, since, limit).await);
            assert!(page.messages.len() <= limit as usize);
            messages.append(&mut page.messages);
            since = page.version;
            if !page.has_more {
                break;
            }
        }
        assert_eq!(messages, whole.messages, "pages of {limit}");
        assert_eq!(since, whole.version);
    }
    assert!(done(world.store.pull_conversation(bob, pair, whole.version, 5).await).messages.is_empty());
}

/// An edit and a recall come to those who have pulled the message before, at their seq of old; the group comes along.
pub async fn changed_messages_come_again(world: World) {
    let [ann, bob] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    let one = world.send(ann, group, "one").await;
    let two = world.send(ann, group, "two").await;
    let seen = done(world.store.pull_conversation(bob, group, 0, 100).await);
    assert_eq!((seen.group.member_count, seen.group.owner_id), (2, ann.0));
    assert!(seen.cursors.iter().any(|cursor| cursor.user_id == ann.0));
    let edit = MessageChange::Edit { content: text_content("edited"), window_ms: 1_000 };
    done(world.store.change_message(ann, group, id_of(&two), edit, START_MS).await);
    let recall = MessageChange::Recall { window_ms: 1_000 };
    done(world.store.change_message(ann, group, id_of(&one), recall, START_MS).await);
    let news = done(world.store.pull_conversation(bob, group, seen.version, 100).await).messages;
    assert_eq!(news.iter().map(|message| message.seq).collect::<Vec<_>>(), [two.seq, one.seq]);
    assert_eq!((text_of(&news[0]), news[1].content.is_set()), ("edited", false));
}

/// Not the conversation of others, and nothing of anybody's world in one's own.
pub async fn strangers_pull_nothing(world: World) {
    let [ann, bob, eve] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "ours").await;
    done(world.store.put_setting(ann, "key", "value").await);
    assert_eq!(refused(world.store.pull_conversation(eve, pair, 0, 10).await), Refusal::NotAMember);
    let answer = world.store.list_history(eve, pair, HistoryFrom::After(0), 10).await;
    assert_eq!(refused(answer), Refusal::NotAMember);
    let pulled = done(world.store.pull_user(eve, 0, 0, 10, 10).await);
    assert!(pulled.entries.is_empty() && pulled.messages.is_empty() && pulled.settings.is_empty());
    assert_eq!(pulled.me.user_id, eve.0);
}

/// Older, newest first; newer, oldest first; the ends are known.
pub async fn history_goes_both_ways(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    for number in 1..=5 {
        world.send(ann, pair, &number.to_string()).await;
    }
    let page = async |from| {
        let page = done(world.store.list_history(bob, pair, from, 2).await);
        assert_eq!((page.first_seq, page.last_seq), (1, 5));
        (page.messages.iter().map(|message| message.seq).collect::<Vec<_>>(), page.has_more)
    };
    assert_eq!(page(HistoryFrom::Before(u64::MAX)).await, (vec![5, 4], true));
    assert_eq!(page(HistoryFrom::Before(3)).await, (vec![2, 1], false));
    assert_eq!(page(HistoryFrom::Before(1)).await, (vec![], false));
    assert_eq!(page(HistoryFrom::After(0)).await, (vec![1, 2], true));
    assert_eq!(page(HistoryFrom::After(3)).await, (vec![4, 5], false));
    assert_eq!(page(HistoryFrom::After(u64::MAX)).await, (vec![], false));
}
