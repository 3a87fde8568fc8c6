//! Mailings of business systems: made once, carried out in batches, reported.

use skein_proto::{
    id::{ConversationId, UserId},
    outbox::{EventKind, KindSet},
    v1::{self, ErrorCode, MailingState, mailing_target::To},
};

use super::{
    World,
    world::{START_MS, done, refused, text_content},
};
use crate::{
    Refusal,
    mailing::{AdvanceMailing, ClaimedMailing, MailingOutcome},
};

fn mailing(world: &World, sender: UserId, to: To) -> v1::Mailing {
    v1::Mailing {
        client_mailing_id: world.client_id(),
        key: "shop".to_owned(),
        created_time_ms: START_MS,
        sender_id: sender.0,
        target: v1::MailingTarget { to: Some(to), ..Default::default() }.into(),
        content: text_content("paid").into(),
        notification: true,
        ..Default::default()
    }
}

fn users(ids: &[UserId]) -> To {
    v1::MailingUsers { user_ids: ids.iter().map(|id| id.0).collect(), ..Default::default() }.into()
}

async fn claim(world: &World, holder: &str, now_ms: u64) -> Option<ClaimedMailing> {
    done(world.store.claim_mailing(holder, now_ms, now_ms + 1_000).await).ok()
}

fn batch(mailing_id: u64, holder: &str, outcomes: Vec<MailingOutcome>, finished: bool) -> AdvanceMailing {
    let cursor = outcomes.last().map_or(UserId(0), |outcome| outcome.user);
    AdvanceMailing {
        mailing_id,
        holder: holder.to_owned(),
        outcomes,
        cursor,
        finished,
        due_ms: START_MS + 10,
        now_ms: START_MS,
    }
}

fn report(mailing: &v1::Mailing) -> [u64; 5] {
    let report = mailing.report.as_option().cloned().unwrap_or_default();
    [report.accepted, report.delivered, report.read, report.pending, report.failed]
}

/// A repeat of key and client id gives the first mailing; another key has its own.
pub async fn mailings_are_made_once(world: World) {
    let [ann, bob] = world.users().await;
    let asked = mailing(&world, ann, To::UserId(bob.0));
    let (first, duplicate) = done(world.store.create_mailing(asked.clone()).await);
    assert!(!duplicate && first.mailing_id > 0 && first.state.as_known() == Some(MailingState::Running));
    assert_eq!((*first.content).clone(), text_content("paid"));
    let other = v1::Mailing { content: text_content("other").into(), ..asked.clone() };
    assert_eq!(done(world.store.create_mailing(other).await), (first.clone(), true));
    let elsewhere = v1::Mailing { key: "till".to_owned(), ..asked };
    let (second, duplicate) = done(world.store.create_mailing(elsewhere).await);
    assert!(!duplicate && second.mailing_id > first.mailing_id);
    let listed: Vec<u64> =
        done(world.store.list_mailings(0, 10).await).iter().map(|mailing| mailing.mailing_id).collect();
    assert_eq!(listed, [second.mailing_id, first.mailing_id]);
    let older = done(world.store.list_mailings(second.mailing_id, 10).await);
    assert_eq!(older.iter().map(|mailing| mailing.mailing_id).collect::<Vec<_>>(), [first.mailing_id]);
    assert!(done(world.store.lookup_mailing(999).await).is_none());
}

/// Lists, groups and everyone: active accounts without the sender, by id, in pages.
pub async fn targets_are_active_accounts(world: World) {
    let [ann, bob, cid, dan] = world.users().await;
    done(world.store.set_user_state(dan, v1::UserState::Suspended).await);
    let group = world.group(&[bob, cid]).await;
    let cases = [
        (To::UserId(bob.0), vec![bob]),
        (users(&[cid, bob, cid, dan, ann, UserId(999)]), vec![bob, cid]),
        (To::ConversationId(group.to_string()), vec![bob, cid]),
        (To::Everyone(true), vec![bob, cid]),
        (To::UserId(999), vec![]),
        (To::ConversationId("g999".to_owned()), vec![]),
    ];
    for (to, expected) in cases {
        let (made, _) = done(world.store.create_mailing(mailing(&world, ann, to.clone())).await);
        assert_eq!(report(&made), [0, 0, 0, expected.len() as u64, 0], "{to:?}");
        let first = done(world.store.list_mailing_targets(made.mailing_id, UserId(0), 1).await);
        assert_eq!(first, expected.iter().take(1).copied().collect::<Vec<_>>(), "{to:?}");
        let rest = done(world.store.list_mailing_targets(made.mailing_id, bob, 10).await);
        assert_eq!(rest, expected.iter().skip(1).copied().collect::<Vec<_>>(), "{to:?}");
    }
}

/// A batch is stored once, by the holder of the lease; the next one is due when it says.
pub async fn batches_are_stored_under_lease(world: World) {
    let [ann, bob, cid] = world.users().await;
    let (made, _) = done(world.store.create_mailing(mailing(&world, ann, users(&[bob, cid]))).await);
    let claimed = claim(&world, "dying", START_MS).await.map(|claimed| (claimed.mailing.mailing_id, claimed.cursor));
    assert_eq!(claimed, Some((made.mailing_id, UserId(0))));
    assert!(claim(&world, "heir", START_MS + 999).await.is_none(), "under lease");
    assert!(claim(&world, "heir", START_MS + 1_000).await.is_some());
    let sent = world.send(ann, ConversationId::direct(ann, bob), "paid").await;
    let outcomes = vec![MailingOutcome { user: bob, sent: Ok((ConversationId::direct(ann, bob), sent.seq)) }];
    assert!(!done(world.store.advance_mailing(batch(made.mailing_id, "dying", outcomes.clone(), false)).await));
    assert!(done(world.store.advance_mailing(batch(made.mailing_id, "heir", outcomes.clone(), false)).await));
    assert!(!done(world.store.advance_mailing(batch(made.mailing_id, "heir", outcomes, false)).await), "once");
    let next = done(world.store.claim_mailing("heir", START_MS + 9, START_MS + 99).await);
    assert_eq!(next.err(), Some(Some(START_MS + 10)));
    let next = claim(&world, "heir", START_MS + 10).await;
    assert_eq!(next.map(|next| next.cursor), Some(bob));
}

/// Accepted, delivered, read, failed and pending are told, in all and by receiver; the end is recorded.
pub async fn reports_follow_the_receivers(world: World) {
    let [ann, bob, cid, dan] = world.users().await;
    world.store.set_recorded_kinds([EventKind::MailingFinished].into_iter().collect());
    let (made, _) = done(world.store.create_mailing(mailing(&world, ann, users(&[bob, cid, dan]))).await);
    let mut outcomes = Vec::new();
    for user in [bob, cid] {
        let sent = world.send(ann, ConversationId::direct(ann, user), "paid").await;
        outcomes.push(MailingOutcome { user, sent: Ok((ConversationId::direct(ann, user), sent.seq)) });
    }
    assert!(claim(&world, "worker", START_MS).await.is_some());
    assert!(done(world.store.advance_mailing(batch(made.mailing_id, "worker", outcomes, false)).await));
    done(world.store.set_read(bob, ConversationId::direct(ann, bob), 1, START_MS).await);
    done(world.store.set_delivered(cid, ConversationId::direct(ann, cid), 1).await);
    let Some(now) = done(world.store.lookup_mailing(made.mailing_id).await) else { panic!("the mailing is gone") };
    assert_eq!(report(&now), [2, 2, 1, 1, 0]);
    assert!(claim(&world, "worker", START_MS + 10).await.is_some());
    let refused = vec![MailingOutcome { user: dan, sent: Err(ErrorCode::Blocked) }];
    assert!(done(world.store.advance_mailing(batch(made.mailing_id, "worker", refused, true)).await));
    let Some(end) = done(world.store.lookup_mailing(made.mailing_id).await) else { panic!("the mailing is gone") };
    assert_eq!((report(&end), end.state.as_known()), ([2, 2, 1, 0, 1], Some(MailingState::Finished)));
    assert_eq!(end.finished_time_ms, START_MS);
    let receivers = done(world.store.list_receivers(made.mailing_id, UserId(0), 10, false).await);
    let shown: Vec<_> =
        receivers.iter().map(|one| (one.user_id, one.delivered, one.read, one.failure.as_str())).collect();
    assert_eq!(shown, [(bob.0, true, true, ""), (cid.0, true, false, ""), (dan.0, false, false, "BLOCKED")]);
    let failed = done(world.store.list_receivers(made.mailing_id, UserId(0), 10, true).await);
    assert_eq!(failed.len(), 1);
    let events = done(world.store.list_events(0, KindSet::all(), 10).await).events;
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::MailingFinished]);
    assert!(claim(&world, "worker", START_MS + 9_000).await.is_none(), "nothing is left to do");
    done(world.store.trim_events(START_MS).await);
    assert_eq!(done(world.store.list_receivers(made.mailing_id, UserId(0), 10, false).await).len(), 3);
    done(world.store.trim_events(START_MS + 1).await);
    assert!(done(world.store.list_receivers(made.mailing_id, UserId(0), 10, false).await).is_empty(), "old ones go");
    assert!(done(world.store.lookup_mailing(made.mailing_id).await).is_some(), "what was sent stays on record");
}

/// A cancelled mailing takes no more batches.
pub async fn mailings_are_cancelled(world: World) {
    let [ann, bob] = world.users().await;
    let (made, _) = done(world.store.create_mailing(mailing(&world, ann, To::UserId(bob.0))).await);
    assert!(claim(&world, "worker", START_MS).await.is_some());
    done(world.store.cancel_mailing(made.mailing_id, START_MS).await);
    assert!(!done(world.store.advance_mailing(batch(made.mailing_id, "worker", Vec::new(), true)).await));
    assert!(claim(&world, "worker", START_MS + 9_000).await.is_none());
    let Some(end) = done(world.store.lookup_mailing(made.mailing_id).await) else { panic!("the mailing is gone") };
    assert_eq!(end.state.as_known(), Some(MailingState::Cancelled));
    assert_eq!(refused(world.store.cancel_mailing(999, START_MS).await), Refusal::NotFound);
}
