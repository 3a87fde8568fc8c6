//! Outbox events: recorded with their cause, in order, and delivered under leases.

use std::collections::BTreeSet;

use skein_proto::{
    id::{ConversationId, UserId},
    outbox::{EventKind, KindSet, Lane},
    v1,
};

use super::{
    World,
    world::{START_MS, device_row, done, id_of, refused, text_content, user_row},
};
use crate::{
    Refusal,
    account::{ProfileChange, RotateRefresh},
    conversation::EntryChange,
    message::MessageChange,
    outbox::{ClaimLanes, Claimed, OutboxEvent, SettleLane, Undelivered},
};

const WORKER: &str = "worker";

async fn events(world: &World) -> Vec<OutboxEvent> {
    done(world.store.list_events(0, KindSet::all(), 1_000).await).events
}

async fn kinds(world: &World, after: &mut u64) -> Vec<EventKind> {
    let page = done(world.store.list_events(*after, KindSet::all(), 1_000).await);
    *after = page.next;
    page.events.iter().map(|event| event.kind).collect()
}

fn claim_of(kinds: KindSet, holder: &str, now_ms: u64) -> ClaimLanes {
    ClaimLanes {
        consumer: "hook".to_owned(),
        kinds,
        holder: holder.to_owned(),
        lanes_max: 10,
        fresh_max: 10,
        events_max: 3,
        now_ms,
        until_ms: now_ms + 1_000,
    }
}

async fn claim(world: &World, holder: &str, now_ms: u64) -> Claimed {
    done(world.store.claim_lanes(claim_of(KindSet::all(), holder, now_ms)).await)
}

async fn settle(world: &World, holder: &str, lane: Lane, delivered: u64, then: Undelivered) -> bool {
    let consumer = "hook".to_owned();
    done(world.store.settle_lane(SettleLane { consumer, holder: holder.to_owned(), lane, delivered, then }).await)
}

fn positions(events: &[OutboxEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}

/// Two people, events switched on, one consumer.
async fn watched(world: &World) -> (UserId, UserId, ConversationId) {
    let [ann, bob] = world.users().await;
    world.store.set_recorded_kinds([EventKind::MessageCreated, EventKind::UserSettingChanged].into_iter().collect());
    done(world.store.set_consumers(&["hook".to_owned()]).await);
    (ann, bob, ConversationId::direct(ann, bob))
}

/// Nothing until it is switched on, and only the kinds that are.
pub async fn only_kinds_that_are_on_are_recorded(world: World) {
    let [ann, bob] = world.users().await;
    let pair = ConversationId::direct(ann, bob);
    world.send(ann, pair, "before").await;
    assert!(events(&world).await.is_empty());
    world.store.set_recorded_kinds([EventKind::MessageCreated].into_iter().collect());
    let message = world.send(ann, pair, "after").await;
    done(world.store.set_read(bob, pair, 1, START_MS).await);
    let recorded = events(&world).await;
    assert_eq!(recorded.len(), 1);
    assert_eq!((recorded[0].kind, recorded[0].lane), (EventKind::MessageCreated, Lane::conversation(pair)));
    let data: v1::OutboxData = skein_proto::codec::Codec::Binary.decode(&recorded[0].data).unwrap_or_default();
    assert!(matches!(data.body, Some(v1::outbox_data::Body::Message(changed)) if *changed.message == message));
}

/// Each change of a conversation or group records its kind, in its transaction; a repeat and a refusal record nothing.
pub async fn changes_of_conversations_are_recorded(world: World) {
    let [ann, bob, cid] = world.users().await;
    world.store.set_recorded_kinds(KindSet::all());
    let (pair, mut at) = (ConversationId::direct(ann, bob), 0);
    let message = world.message(ann, pair, "one");
    let first = done(world.append(&message).await).message;
    assert_eq!(kinds(&world, &mut at).await, [EventKind::ConversationCreated, EventKind::MessageCreated]);
    assert!(done(world.append(&message).await).duplicate);
    assert_eq!(refused(world.append(&world.message(cid, ConversationId::group(99), "no")).await), Refusal::NotAMember);
    assert!(kinds(&world, &mut at).await.is_empty());
    let edit = MessageChange::Edit { content: text_content("two"), window_ms: 1_000 };
    done(world.store.change_message(ann, pair, id_of(&first), edit, START_MS).await);
    let recall = || MessageChange::Recall { window_ms: 1_000 };
    done(world.store.change_message(ann, pair, id_of(&first), recall(), START_MS).await);
    done(world.store.change_message(ann, pair, id_of(&first), recall(), START_MS).await);
    assert_eq!(kinds(&world, &mut at).await, [EventKind::MessageEdited, EventKind::MessageRecalled]);
    done(world.store.set_delivered(bob, pair, 1).await);
    done(world.store.set_read(bob, pair, 1, START_MS).await);
    done(world.store.set_read(bob, pair, 1, START_MS).await);
    assert_eq!(kinds(&world, &mut at).await, [EventKind::ReceiptDelivered, EventKind::ReceiptRead]);
    done(world.store.hide_messages(bob, pair, &[id_of(&first)]).await);
    done(world.store.set_entry(bob, pair, EntryChange { pinned: Some(true), ..Default::default() }).await);
    done(world.store.clear_entry(bob, pair, true).await);
    let private = [EventKind::MessageHidden, EventKind::ConversationUpdated, EventKind::ConversationCleared];
    assert_eq!(kinds(&world, &mut at).await, private);
    let group = world.group(&[ann, bob]).await;
    done(world.store.set_group_name(ann, group, "renamed", START_MS).await);
    done(world.store.add_members(ann, group, &[cid], START_MS).await);
    done(world.store.set_role(ann, group, bob, v1::Role::Admin, START_MS).await);
    done(world.store.remove_members(ann, group, &[cid], START_MS).await);
    done(world.store.leave_group(bob, group, START_MS).await);
    let of_groups = [
        EventKind::GroupCreated,
        EventKind::GroupRenamed,
        EventKind::GroupMembersAdded,
        EventKind::GroupRoleChanged,
        EventKind::GroupMembersRemoved,
        EventKind::GroupMemberLeft,
    ];
    assert_eq!(kinds(&world, &mut at).await, of_groups);
}

/// The same for accounts and devices.
pub async fn changes_of_accounts_are_recorded(world: World) {
    world.store.set_recorded_kinds(KindSet::all());
    let (ann, mut at) = (UserId(7), 0);
    done(world.store.create_user(user_row(ann, "ann")).await);
    let bob = world.user().await;
    assert_eq!(kinds(&world, &mut at).await, [EventKind::UserCreated, EventKind::UserCreated]);
    done(world.store.set_profile(ann, ProfileChange { bio: Some("bio".to_owned()), ..Default::default() }).await);
    done(world.store.set_password_hash(ann, "other".to_owned()).await);
    done(world.store.set_user_state(ann, v1::UserState::Suspended).await);
    done(world.store.put_setting(ann, "key", "value").await);
    for blocked in [true, true, false] {
        done(world.store.set_blocked(ann, bob, blocked).await);
    }
    let of_users = [
        EventKind::UserUpdated,
        EventKind::UserPasswordChanged,
        EventKind::UserStateChanged,
        EventKind::UserSettingChanged,
        EventKind::UserBlocked,
        EventKind::UserUnblocked,
    ];
    assert_eq!(kinds(&world, &mut at).await, of_users);
    done(world.store.put_device(device_row(ann, "phone", 1, START_MS)).await);
    assert!(done(world.store.revoke_device(ann, "phone").await));
    assert!(!done(world.store.revoke_device(ann, "phone").await));
    done(world.store.put_device(device_row(ann, "web", 2, START_MS)).await);
    for (old, new) in [(2, 3), (2, 4)] {
        let (old, new) = ([old; 32], [new; 32]);
        let exchange = RotateRefresh { old, new, expires_ms: START_MS + 900, grace_ms: 0, now_ms: START_MS };
        done(world.store.rotate_refresh(exchange).await);
    }
    let (login, logout) = (EventKind::DeviceLoggedIn, EventKind::DeviceLoggedOut);
    assert_eq!(kinds(&world, &mut at).await, [login, logout, login, logout]);
}

/// Positions grow, pages join without a gap, and ids tell events apart and stay.
pub async fn events_are_listed_in_order(world: World) {
    let (ann, _, pair) = watched(&world).await;
    for number in 0..10 {
        world.send(ann, pair, &format!("{number}")).await;
    }
    let all = events(&world).await;
    assert_eq!(all.len(), 10);
    assert!(all.is_sorted_by(|one, other| one.position < other.position));
    let ids: BTreeSet<String> = all.iter().map(OutboxEvent::id).collect();
    assert_eq!(ids.len(), 10);
    assert!(ids.iter().all(|id| id.starts_with("evt_") && id.len() == 36));
    let (mut after, mut joined) = (0, Vec::new());
    loop {
        let page = done(world.store.list_events(after, KindSet::all(), 3).await);
        joined.extend(page.events);
        after = page.next;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(joined, all, "the same rows with the same ids");
    let none: KindSet = [EventKind::UserBlocked].into_iter().collect();
    let page = done(world.store.list_events(0, none, 1_000).await);
    assert_eq!((page.events.len(), page.next), (0, all[9].position), "looked at is looked at");
    assert_eq!(done(world.store.lookup_event_bounds().await).last, all[9].position);
}

/// Those who wait are woken by the commit.
pub async fn waiting_ends_with_an_event(world: World) {
    let (ann, _, pair) = watched(&world).await;
    world.send(ann, pair, "one").await;
    let last = done(world.store.lookup_event_bounds().await).last;
    world.store.wait_for_events(last - 1).await;
    let waiting = {
        let store = world.store.clone();
        tokio::spawn(async move { store.wait_for_events(last).await })
    };
    world.send(ann, pair, "two").await;
    waiting.await.unwrap_or_else(|error| panic!("{error}"));
}

/// A consumer begins with what happens after it was made, gets the events of a lane in their order, and each once while all goes well.
pub async fn lanes_are_claimed_in_order(world: World) {
    let [early, later] = world.users().await;
    world.store.set_recorded_kinds(KindSet::all());
    world.send(early, ConversationId::direct(early, later), "before").await;
    let (ann, _, pair) = watched(&world).await;
    for number in 0..5 {
        world.send(ann, pair, &format!("{number}")).await;
    }
    done(world.store.put_setting(ann, "key", "value").await);
    let claimed = claim(&world, WORKER, START_MS).await;
    assert_eq!(claimed.lanes.len(), 2);
    assert!(claimed.caught_up);
    let lane = claimed.lanes.iter().find(|lane| lane.lane == Lane::conversation(pair));
    let lane = lane.unwrap_or_else(|| panic!("no lane of the conversation: {claimed:?}"));
    assert_eq!(lane.events.len(), 3, "as many as asked for");
    assert!(claim(&world, "other", START_MS).await.lanes.is_empty(), "all is under lease");
    assert!(settle(&world, WORKER, lane.lane, lane.events[2].position, Undelivered::None).await);
    let rest = claim(&world, WORKER, START_MS).await.lanes.remove(0);
    assert_eq!((rest.lane, rest.events.len(), rest.attempts), (lane.lane, 2, 0));
    assert!(rest.events[0].position > lane.events[2].position);
    assert!(settle(&world, WORKER, rest.lane, rest.events[1].position, Undelivered::None).await);
    assert!(settle(&world, WORKER, Lane::user(ann), claimed.lanes[1].events[0].position, Undelivered::None).await);
    let end = claim(&world, WORKER, START_MS).await;
    assert!(end.lanes.is_empty() && end.next_due_ms.is_none() && end.caught_up);
}

/// A lane that fails waits for its time with all that follows in it, and holds up nobody else.
pub async fn failing_lanes_wait_alone(world: World) {
    let (ann, bob, pair) = watched(&world).await;
    world.send(ann, pair, "fails").await;
    let failed = claim(&world, WORKER, START_MS).await.lanes.remove(0);
    let retry = |at_ms| Undelivered::Retry { position: failed.events[0].position, at_ms, error: "500".to_owned() };
    assert!(settle(&world, WORKER, failed.lane, 0, retry(START_MS + 50)).await);
    world.send(ann, pair, "follows").await;
    world.send(bob, ConversationId::direct(bob, bob), "elsewhere").await;
    let now = claim(&world, WORKER, START_MS + 49).await;
    assert_eq!(now.lanes.len(), 1, "the other conversation only");
    assert_eq!(now.next_due_ms, Some(START_MS + 50));
    let again = claim(&world, WORKER, START_MS + 50).await.lanes.remove(0);
    assert_eq!((again.lane, again.attempts), (failed.lane, 1));
    assert_eq!(again.events[0].id(), failed.events[0].id(), "a repeat has the same id");
    assert_eq!(again.events.len(), 2);
    assert!(settle(&world, WORKER, failed.lane, 0, retry(START_MS + 90)).await);
    let third = claim(&world, WORKER, START_MS + 90).await.lanes.remove(0);
    assert_eq!(third.attempts, 2);
    let second = Undelivered::Retry { position: third.events[1].position, at_ms: 0, error: String::new() };
    assert!(settle(&world, WORKER, failed.lane, third.events[0].position, second).await);
    let last = claim(&world, WORKER, START_MS + 90).await.lanes.remove(0);
    assert_eq!(
        (last.attempts, positions(&last.events)),
        (1, vec![third.events[1].position]),
        "each event counts its own"
    );
}

/// A worker that dies loses the lease, not the events; what it says afterwards does not count.
pub async fn leases_end(world: World) {
    let (ann, _, pair) = watched(&world).await;
    world.send(ann, pair, "one").await;
    let first = claim(&world, "dying", START_MS).await.lanes.remove(0);
    assert!(claim(&world, "heir", START_MS + 999).await.lanes.is_empty());
    let second = claim(&world, "heir", START_MS + 1_000).await.lanes.remove(0);
    assert_eq!((second.events, second.attempts), (first.events.clone(), 0));
    assert!(!settle(&world, "dying", first.lane, first.events[0].position, Undelivered::None).await);
    assert!(settle(&world, "heir", first.lane, 0, Undelivered::None).await, "given back");
    let third = claim(&world, "heir", START_MS + 1_000).await.lanes.remove(0);
    assert!(settle(&world, "heir", third.lane, first.events[0].position, Undelivered::None).await);
    assert!(!settle(&world, "heir", third.lane, first.events[0].position, Undelivered::None).await, "ended before");
}

/// What is given up is kept with its reason, and the lane goes on.
pub async fn dead_events_are_kept(world: World) {
    let (ann, _, pair) = watched(&world).await;
    for text in ["dies", "lives"] {
        world.send(ann, pair, text).await;
    }
    let lane = claim(&world, WORKER, START_MS).await.lanes.remove(0);
    let position = lane.events[0].position;
    let dead = Undelivered::Dead { position, error: "500".to_owned(), now_ms: START_MS + 5 };
    assert!(settle(&world, WORKER, lane.lane, 0, dead).await);
    let listed = done(world.store.list_dead_events("hook", 0, 10).await);
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].event, listed[0].attempts, listed[0].died_ms), (&lane.events[0], 1, START_MS + 5));
    assert_eq!(listed[0].error, "500");
    assert!(done(world.store.list_dead_events("hook", position, 10).await).is_empty());
    assert_eq!(claim(&world, WORKER, START_MS).await.lanes[0].events, lane.events[1..]);
    assert_eq!(done(world.store.list_consumers().await)[0].dead, 1);
}

/// One that is off gets nothing and keeps its place; one that is no longer configured is forgotten.
pub async fn consumers_are_switched(world: World) {
    let (ann, _, pair) = watched(&world).await;
    world.send(ann, pair, "one").await;
    done(world.store.set_consumer_enabled("hook", false, "410").await);
    assert!(claim(&world, WORKER, START_MS).await.lanes.is_empty());
    let row = done(world.store.list_consumers().await).remove(0);
    assert_eq!((row.enabled, row.disabled_reason.as_str()), (false, "410"));
    done(world.store.set_consumers(&["hook".to_owned(), "new".to_owned()]).await);
    done(world.store.set_consumer_enabled("hook", true, "").await);
    assert_eq!(claim(&world, WORKER, START_MS).await.lanes.len(), 1);
    assert_eq!(refused(world.store.set_consumer_enabled("none", true, "").await), Refusal::NotFound);
    done(world.store.set_consumers(&["new".to_owned()]).await);
    assert!(claim(&world, WORKER, START_MS + 5_000).await.lanes.is_empty());
    assert_eq!(done(world.store.list_consumers().await).len(), 1);
}

/// Room for fresh lanes is kept to; what is not wanted is passed over.
pub async fn claims_are_bounded_and_filtered(world: World) {
    let (ann, bob, pair) = watched(&world).await;
    done(world.store.put_setting(ann, "key", "value").await);
    world.send(ann, pair, "one").await;
    world.send(bob, ConversationId::direct(bob, bob), "two").await;
    let messages: KindSet = [EventKind::MessageCreated].into_iter().collect();
    let none = done(world.store.claim_lanes(ClaimLanes { fresh_max: 0, ..claim_of(messages, WORKER, START_MS) }).await);
    assert!(none.lanes.is_empty() && !none.caught_up);
    let one = done(world.store.claim_lanes(ClaimLanes { fresh_max: 1, ..claim_of(messages, WORKER, START_MS) }).await);
    assert_eq!(one.lanes.len(), 1);
    assert!(!one.caught_up);
    let two = done(world.store.claim_lanes(claim_of(messages, WORKER, START_MS)).await);
    assert_eq!(two.lanes.len(), 1);
    assert!(two.caught_up && two.lanes[0].lane != one.lanes[0].lane);
    assert_eq!([&one, &two].map(|claimed| claimed.lanes[0].events[0].kind), [EventKind::MessageCreated; 2]);
}

/// Old events go, but not those that somebody still has to get; positions are never given again.
pub async fn old_events_are_trimmed(world: World) {
    let (ann, _, pair) = watched(&world).await;
    for number in 0..4 {
        let message = world.message(ann, pair, &format!("{number}"));
        done(world.store.append_message(crate::message::AppendMessage { now_ms: START_MS + number, ..message }).await);
    }
    let all = events(&world).await;
    assert_eq!(done(world.store.trim_events(START_MS + 9).await), 0, "the consumer has got none of them");
    let lane = claim(&world, WORKER, START_MS).await.lanes.remove(0);
    assert!(settle(&world, WORKER, lane.lane, lane.events[1].position, Undelivered::None).await);
    assert_eq!(done(world.store.trim_events(START_MS + 1).await), 1, "younger ones stay");
    assert_eq!(done(world.store.trim_events(START_MS + 9).await), 1, "undelivered ones stay");
    assert_eq!(events(&world).await, all[2..]);
    done(world.store.set_consumer_enabled("hook", false, "off").await);
    assert_eq!(done(world.store.trim_events(START_MS + 9).await), 2, "nothing is kept for one that is off");
    let bounds = done(world.store.lookup_event_bounds().await);
    assert_eq!((bounds.trimmed, bounds.last), (all[3].position, all[3].position));
    world.send(ann, pair, "next").await;
    assert!(events(&world).await[0].position > all[3].position);
}
