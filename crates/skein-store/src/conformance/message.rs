//! Messages: append, recall, edit, hide.

use std::{future::poll_fn, task::Poll};

use skein_proto::{
    id::{ConversationId, MessageId, UserId},
    v1,
};

use super::{
    World,
    world::{START_MS, done, id_of, refused, text_content, text_of, texts},
};
use crate::{
    Refusal, Result,
    message::{Delivery, MessageChange, Recipients},
};

/// The window of recalls and edits in these cases, in milliseconds.
const WINDOW_MS: u64 = 1_000;

async fn recall(world: &World, actor: UserId, message: &v1::Message, now_ms: u64) -> Result<Delivery> {
    let conversation = done(message.conversation_id.parse().map_err(|_| Refusal::NotFound.into()));
    let change = MessageChange::Recall { window_ms: WINDOW_MS };
    world.store.change_message(actor, conversation, id_of(message), change, now_ms).await
}

async fn edit(world: &World, actor: UserId, message: &v1::Message, text: &str, now_ms: u64) -> Result<Delivery> {
    let conversation = done(message.conversation_id.parse().map_err(|_| Refusal::NotFound.into()));
    let change = MessageChange::Edit { content: text_content(text), window_ms: WINDOW_MS };
    world.store.change_message(actor, conversation, id_of(message), change, now_ms).await
}

fn sorted(recipients: &Recipients) -> Vec<UserId> {
    match recipients {
        Recipients::Users(users) => {
            let mut users = users.clone();
            users.sort_unstable();
            users
        }
        Recipients::Roster { .. } => panic!("a small conversation names its receivers"),
    }
}

/// Seq 1, version 1, delivered to both; what is answered is what is stored.
pub async fn first_message_makes_the_conversation(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let appended = done(world.append(&world.message(ann, pair, "hello")).await);
    assert_eq!((appended.message.seq, appended.message.version, appended.duplicate), (1, 1, false));
    assert_eq!(appended.message.conversation_id, pair.to_string());
    assert_eq!(appended.message.state.as_known(), Some(v1::MessageState::Sent));
    assert_eq!(sorted(&appended.recipients), [ann, bob]);
    assert_eq!(world.history(bob, pair).await, [appended.message]);
}

/// Many tasks at once: each is answered, seqs have no gap, ids grow with them, and each sender's order holds.
pub async fn seqs_are_contiguous_under_concurrency(world: World) {
    const SENDERS: usize = 16;
    const EACH: usize = 25;
    let users = world.users::<SENDERS>().await;
    let group = world.group(&users).await;
    let mut tasks = tokio::task::JoinSet::new();
    for user in users {
        let world = world.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                world.send(user, group, &format!("{user}:{number:03}")).await;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("no sender panics");
    }
    let messages = world.history(users[0], group).await;
    assert_eq!(messages.len(), SENDERS * EACH + 1, "with the line of the group's creation");
    for (place, message) in messages.iter().enumerate() {
        assert_eq!(message.seq, place as u64 + 1);
    }
    assert!(messages.is_sorted_by_key(|message| message.message_id));
    assert!(messages.is_sorted_by_key(|message| message.version));
    for user in users {
        let own: Vec<_> = messages.iter().filter(|message| message.sender_id == user.0).map(text_of).collect();
        assert_eq!(own.len(), EACH);
        assert!(own.is_sorted());
    }
}

/// A task that polls many sends once each, in one go, has them stored in that order, whichever it then waits for first: the requests of a link come so, and
/// the calls of other nodes. There are more of them than tokio's queues let a task use before it must yield.
pub async fn sends_polled_once_keep_their_order(world: World) {
    const COUNT: usize = 300;
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let sender = world.clone();
    let task = tokio::spawn(async move {
        let messages = (0..COUNT).map(|number| sender.message(ann, pair, &format!("{number:03}")));
        let mut sends: Vec<_> = messages.map(|message| Some(sender.store.append_message(message))).collect();
        poll_fn(|context| {
            for send in &mut sends {
                if let Some(future) = send
                    && let Poll::Ready(answer) = future.as_mut().poll(context)
                {
                    done(answer);
                    *send = None;
                }
            }
            Poll::Ready(())
        })
        .await;
        for send in sends.into_iter().rev().flatten() {
            done(send.await);
        }
    });
    task.await.expect("nothing panics");
    let history = world.history(bob, pair).await;
    assert_eq!(texts(&history), (0..COUNT).map(|number| format!("{number:03}")).collect::<Vec<_>>());
}

/// Whatever was changed or said in between: same id, same seq, flagged when it is not the same message.
pub async fn repeats_give_the_first_answer(world: World) {
    let [ann, bob, cid] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let message = world.message(ann, pair, "once");
    let first = done(world.append(&message).await);
    world.send(bob, pair, "between").await;
    let version = world.version(bob).await;
    let again = done(world.append(&message).await);
    assert_eq!((again.duplicate, again.content_differs, &again.message), (true, false, &first.message));
    assert_eq!(again.recipients, first.recipients, "whoever accepted the first one may have told nobody");
    let mut other = message.clone();
    other.content = text_content("another");
    assert!(done(world.append(&other).await).content_differs);
    let mut elsewhere = message.clone();
    elsewhere.conversation = ConversationId::direct(ann, cid);
    let answer = done(world.append(&elsewhere).await);
    assert!(sorted(&answer.recipients).is_empty(), "nobody there is told of what is elsewhere");
    assert_eq!((answer.content_differs, answer.message.conversation_id), (true, pair.to_string()));
    assert_eq!(refused(world.store.lookup_entry(cid, elsewhere.conversation).await), Refusal::NotAMember);
    assert_eq!(texts(&world.history(ann, pair).await), ["once", "between"]);
    assert_eq!(world.version(bob).await, version, "a repeat moves nobody");
    // What was accepted stays so, whatever has become of the sender since.
    done(world.store.set_blocked(bob, ann, true).await);
    assert!(done(world.append(&message).await).duplicate);
    done(world.store.set_blocked(bob, ann, false).await);
    // All in one go: one is the first, the others repeat it.
    let message = world.message(ann, pair, "at once");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (world, message) = (world.clone(), message.clone());
        tasks.spawn(async move { done(world.append(&message).await) });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.duplicate).count(), 1);
    assert!(answers.iter().all(|answer| answer.message.seq == 3));
}

/// Another sender may use the same client id for a message of its own.
pub async fn client_ids_belong_to_their_sender(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let message = world.message(ann, pair, "of Ann");
    done(world.append(&message).await);
    let mut other = world.message(bob, pair, "of Bob");
    other.client_message_id = message.client_message_id;
    let answer = done(world.append(&other).await);
    assert_eq!((answer.duplicate, answer.message.seq), (false, 2));
}

/// Not into the pair of others, not into a group one is not in, not to nobody; and nothing is left behind.
pub async fn strangers_cannot_write(world: World) {
    let [ann, bob, eve] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let group = world.group(&[ann, bob]).await;
    for conversation in [pair, group, ConversationId::group(404)] {
        let answer = world.append(&world.message(eve, conversation, "let me in")).await;
        assert_eq!(refused(answer), Refusal::NotAMember);
    }
    let nobody = ConversationId::direct(eve, UserId(404));
    assert_eq!(refused(world.append(&world.message(eve, nobody, "hello?")).await), Refusal::NotFound);
    assert_eq!(refused(world.store.lookup_entry(eve, nobody).await), Refusal::NotAMember);
    assert!(texts(&world.history(ann, group).await).is_empty());
    assert!(world.pull(eve, 0).await.entries.is_empty());
}

/// The blocked one is refused, the other may still write, and a group is no matter of two.
pub async fn blocked_senders_are_refused(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    done(world.store.set_blocked(bob, ann, true).await);
    let message = world.message(ann, pair, "hello");
    assert_eq!(refused(world.append(&message).await), Refusal::Blocked);
    world.send(bob, pair, "not you").await;
    assert_eq!(refused(world.append(&message).await), Refusal::Blocked);
    done(world.store.set_blocked(bob, ann, false).await);
    assert_eq!(done(world.append(&message).await).message.seq, 2);
}

/// A clock that steps back changes neither the order of times nor that of ids.
pub async fn time_never_goes_back(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    for step in [50_000, 10_000, 90_000, 0] {
        let mut message = world.message(ann, pair, "tick");
        message.now_ms = START_MS + step;
        done(world.append(&message).await);
    }
    let messages = world.history(ann, pair).await;
    assert!(messages.is_sorted_by_key(|message| message.server_time_ms));
    assert!(messages.is_sorted_by_key(|message| message.sort_key));
    assert!(messages.is_sorted_by(|one, other| one.message_id < other.message_id));
}

/// A message may not count as unread, and may leave the conversation where it is in the list, hidden or not.
pub async fn options_are_kept(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "one").await;
    done(world.store.clear_entry(bob, pair, true).await);
    let mut quiet = world.message(ann, pair, "quiet");
    quiet.options = v1::SendOptions { no_count: true, no_list_move: true, ..Default::default() };
    quiet.external_id = "host-7".to_owned();
    quiet.now_ms += 500;
    let stored = done(world.append(&quiet).await).message;
    assert_eq!((&*stored.options, stored.external_id.as_str()), (&quiet.options, "host-7"));
    let entry = world.entry(bob, pair).await;
    assert_eq!((entry.unread, entry.sort_key, entry.hidden), (0, START_MS, true));
    assert_eq!(texts(&world.history(bob, pair).await), ["quiet"]);
}

/// A mention marks the entry of the one mentioned until it is read; a mention of all marks everybody's but the sender's.
pub async fn mentions_mark_the_entry(world: World) {
    let [ann, bob, cid] = world.users().await;
    let group = world.group(&[ann, bob, cid]).await;
    let mut message = world.message(ann, group, "@bob");
    message.content.mentions = vec![v1::Mention { user_id: bob.0, length: 4, ..Default::default() }];
    let seq = done(world.append(&message).await).message.seq;
    assert!(world.entry(bob, group).await.mentioned);
    assert!(!world.entry(cid, group).await.mentioned && !world.entry(ann, group).await.mentioned);
    world.send(ann, group, "more").await;
    assert!(world.entry(bob, group).await.mentioned);
    let read = done(world.store.set_read(bob, group, seq, START_MS).await).entry;
    assert!(!read.mentioned && read.unread == 1);
    let mut message = world.message(cid, group, "@all");
    message.content.mention_all = true;
    done(world.append(&message).await);
    assert!(world.entry(ann, group).await.mentioned && world.entry(bob, group).await.mentioned);
    assert!(!world.entry(cid, group).await.mentioned);
}

/// Content and former contents are gone for everybody, seq and sort key stay, both entries move, and the repeat changes nothing.
pub async fn recall_blanks(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let message = world.send(ann, pair, "oops").await;
    done(edit(&world, ann, &message, "ooops", START_MS + 1).await);
    world.send(ann, pair, "next").await;
    let (own, other) = (world.version(ann).await, world.version(bob).await);
    let delivery = done(recall(&world, ann, &message, START_MS + WINDOW_MS).await);
    let recalled = &delivery.message;
    assert_eq!(sorted(&delivery.recipients), [ann, bob]);
    assert_eq!((recalled.seq, recalled.sort_key, recalled.recalled_by), (1, message.sort_key, ann.0));
    assert_eq!(recalled.state.as_known(), Some(v1::MessageState::Recalled));
    assert!(!recalled.content.is_set() && recalled.version == 4);
    assert_eq!((world.version(ann).await, world.version(bob).await), (own + 1, other + 1));
    let again = done(recall(&world, ann, &message, START_MS + 99 * WINDOW_MS).await);
    assert_eq!(again.message, *recalled);
    assert_eq!(world.version(bob).await, other + 1, "a repeat moves nobody");
    assert_eq!(world.history(bob, pair).await[0], *recalled);
    assert!(done(world.store.list_edits(bob, pair, id_of(&message)).await).is_empty());
}

/// Only the sender, in time, a message that is there; nobody takes back what the system said.
pub async fn recall_is_fenced(world: World) {
    let [ann, bob, eve] = world.users().await;
    let group = world.group(&[ann, bob]).await;
    let pair = ConversationId::direct(ann, bob);
    let message = world.send(ann, pair, "mine").await;
    assert_eq!(refused(recall(&world, bob, &message, START_MS).await), Refusal::NotSender);
    assert_eq!(refused(recall(&world, eve, &message, START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(recall(&world, ann, &message, START_MS + WINDOW_MS + 1).await), Refusal::WindowPassed);
    let mut elsewhere = message.clone();
    elsewhere.conversation_id = group.to_string();
    assert_eq!(refused(recall(&world, ann, &elsewhere, START_MS).await), Refusal::NotFound);
    let mut unknown = message.clone();
    unknown.message_id += 1;
    assert_eq!(refused(recall(&world, ann, &unknown, START_MS).await), Refusal::NotFound);
    let line = world.history(ann, group).await.remove(0);
    assert_eq!(refused(recall(&world, ann, &line, START_MS).await), Refusal::NotSender);
    assert_eq!(texts(&world.history(ann, pair).await), ["mine"]);
}

/// Owners and admins recall anybody's message at any time; plain members only their own.
pub async fn admins_recall(world: World) {
    let [owner, admin, bob, cid] = world.users().await;
    let group = world.group(&[owner, admin, bob, cid]).await;
    done(world.store.set_role(owner, group, admin, v1::Role::Admin, START_MS).await);
    let late = START_MS + 99 * WINDOW_MS;
    for actor in [owner, admin] {
        let message = world.send(bob, group, "rude").await;
        assert_eq!(refused(recall(&world, cid, &message, START_MS).await), Refusal::NotSender);
        assert_eq!(done(recall(&world, actor, &message, late).await).message.recalled_by, actor.0);
        assert_eq!(refused(recall(&world, bob, &message, START_MS).await), Refusal::MessageGone);
    }
}

/// The former contents stay, oldest first; the message keeps its place.
pub async fn edits_keep_history(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let message = world.send(ann, pair, "one").await;
    assert!(done(world.store.list_edits(bob, pair, id_of(&message)).await).is_empty());
    done(edit(&world, ann, &message, "two", START_MS + 1).await);
    let delivery = done(edit(&world, ann, &message, "three", START_MS + 2).await);
    let edited = &delivery.message;
    assert_eq!((text_of(edited), edited.edit_count, edited.seq, edited.version), ("three", 2, 1, 3));
    assert_eq!((edited.sort_key, edited.changed_time_ms), (message.sort_key, START_MS + 2));
    assert_eq!(sorted(&delivery.recipients), [ann, bob]);
    let edits = done(world.store.list_edits(bob, pair, id_of(&message)).await);
    assert_eq!(edits.iter().map(|edit| edit.content.clone()).collect::<Vec<_>>().len(), 2);
    for (edit, text) in edits.iter().zip(["one", "two"]) {
        assert_eq!(*edit.content, text_content(text));
    }
    assert_eq!(world.entry(bob, pair).await.unread, 1, "an edit is no new message");
}

/// Not another's, not too late, not once recalled, not by a stranger; and strangers read no history of edits.
pub async fn edits_are_fenced(world: World) {
    let [owner, bob, eve] = world.users().await;
    let group = world.group(&[owner, bob]).await;
    let message = world.send(bob, group, "mine").await;
    assert_eq!(refused(edit(&world, owner, &message, "yours", START_MS).await), Refusal::NotSender);
    assert_eq!(refused(edit(&world, eve, &message, "ours", START_MS).await), Refusal::NotAMember);
    assert_eq!(refused(edit(&world, bob, &message, "late", START_MS + WINDOW_MS + 1).await), Refusal::WindowPassed);
    assert_eq!(refused(world.store.list_edits(eve, group, id_of(&message)).await), Refusal::NotAMember);
    assert_eq!(refused(world.store.list_edits(bob, group, MessageId(1)).await), Refusal::NotFound);
    done(recall(&world, bob, &message, START_MS).await);
    assert_eq!(refused(edit(&world, bob, &message, "again", START_MS).await), Refusal::MessageGone);
}

/// Hidden for one, there for the others; told to the user's other devices; gone from every read.
pub async fn hidden_messages_never_return(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    let one = world.send(ann, pair, "one").await;
    let two = world.send(ann, pair, "two").await;
    let before = world.version(bob).await;
    let ids = [id_of(&two), MessageId(5), id_of(&two)];
    let (count, entry) = done(world.store.hide_messages(bob, pair, &ids).await);
    assert_eq!((count, entry.deleted_message_ids.as_slice()), (1, [two.message_id].as_slice()));
    assert_eq!(text_of(&entry.last_message), "one");
    assert_eq!(world.version(bob).await, before + 1);
    assert_eq!(done(world.store.hide_messages(bob, pair, &ids).await).0, 0);
    let pulled = world.pull(bob, before).await.entries;
    assert_eq!(pulled[0].deleted_message_ids, [two.message_id]);
    assert_eq!(world.history(bob, pair).await, [one]);
    assert_eq!(texts(&world.history(ann, pair).await), ["one", "two"]);
    assert_eq!(texts(&done(world.store.pull_conversation(bob, pair, 0, 10).await).messages), ["one"]);
    assert_eq!(refused(world.store.list_edits(bob, pair, id_of(&two)).await), Refusal::NotFound);
    // A change of it does not bring it back either.
    done(edit(&world, ann, &two, "two again", START_MS + 1).await);
    assert_eq!(texts(&done(world.store.pull_conversation(bob, pair, 2, 10).await).messages), Vec::<&str>::new());
    let eve = world.user().await;
    assert_eq!(refused(world.store.hide_messages(eve, pair, &ids).await), Refusal::NotAMember);
}

/// By seq, without those of other conversations, hidden ones and unknown ones.
pub async fn only_readable_messages_are_listed(world: World) {
    let [ann, bob, cid] = world.users().await;
    let (pair, other) = (ConversationId::direct(ann, bob), ConversationId::direct(ann, cid));
    let one = world.send(ann, pair, "one").await;
    let elsewhere = world.send(ann, other, "elsewhere").await;
    let two = world.send(ann, pair, "two").await;
    let three = world.send(ann, pair, "three").await;
    done(world.store.hide_messages(bob, pair, &[id_of(&two)]).await);
    let ids = [id_of(&three), id_of(&two), MessageId(9), id_of(&elsewhere), id_of(&one)];
    assert_eq!(texts(&done(world.store.list_messages(bob, pair, &ids).await)), ["one", "three"]);
    assert_eq!(texts(&done(world.store.list_messages(ann, pair, &ids).await)), ["one", "two", "three"]);
    assert_eq!(refused(world.store.list_messages(cid, pair, &ids).await), Refusal::NotAMember);
}
