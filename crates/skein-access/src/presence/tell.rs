//! The task that tells: other nodes whose look has changed, watchers how people look now, and the store who was here.

use std::{sync::Arc, time::Duration};

use skein_bus::{BusMessage, Whom};
use skein_proto::{event::EncodedEvent, id::UserId, v1};
use skein_service::{OnlineReport, now_ms};
use tokio::time::MissedTickBehavior;

use crate::{hello::Shared, measure, registry::LiveSession};

/// Between two looks at who has come and gone.
const TICK: Duration = Duration::from_millis(250);
/// Watchers are told with every so many of them: at most once a second.
const TICKS_PER_PUSH: u64 = 4;
/// A node that has nothing to tell says that it lives, with every so many of them: each ten seconds.
const TICKS_PER_BEAT: u64 = 40;
/// People who are asked for at once, and in one go.
const ASKED_MAX: usize = 1_000;
const ASKED_PER_PUSH_MAX: usize = 20_000;
/// Moves of one report; with them a call stays well below what the bus takes.
const MOVES_MAX: usize = 10_000;

/// Runs until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    tokio::join!(tell_people(&shared), tell_store(&shared));
}

async fn tell_people(shared: &Arc<Shared>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u64;
    loop {
        ticks.tick().await;
        count += 1;
        for user in shared.registry.here.settle(now_ms(), shared.config.presence_grace_ms) {
            shared.registry.release(user);
        }
        let stirred = shared.registry.here.take_stirred();
        if !stirred.is_empty() {
            shared.bus.publish(BusMessage::Stirred(Whom::Users(stirred.into()))).await;
        }
        if count.is_multiple_of(TICKS_PER_PUSH) {
            push(shared).await;
            measure::presence_watched(shared.watches.watched());
        }
    }
}

/// Asks how those look whom somebody here watches, and pushes it.
async fn push(shared: &Arc<Shared>) {
    let mut due = shared.watches.take_due(ASKED_PER_PUSH_MAX).into_iter().peekable();
    while due.peek().is_some() {
        let mut people = 0;
        let mut batch: Vec<(Arc<LiveSession>, Vec<UserId>)> = Vec::new();
        while let Some(next) = due.next_if(|(_, users)| people == 0 || people + users.len() <= ASKED_MAX) {
            people += next.1.len();
            batch.push(next);
        }
        let looks = batch.iter().map(|(session, users)| (session.caller.user, users.clone())).collect();
        match shared.gate.look(looks).await {
            Ok(looked) => {
                for ((session, _), presences) in batch.into_iter().zip(looked) {
                    measure::presence_told(presences.len());
                    let event = v1::PresenceEvent { presences, ..Default::default() };
                    session.push(Arc::new(EncodedEvent::new(event)));
                }
            }
            Err(error) => {
                tracing::debug!(code = ?error.code, "presence cannot be asked for now");
                for (session, users) in batch {
                    shared.watches.put_back(&session, users);
                }
            }
        }
    }
}

/// Tells who has come and gone, and that this node lives.
async fn tell_store(shared: &Arc<Shared>) {
    let mut ticks = tokio::time::interval(TICK * TICKS_PER_PUSH as u32);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut quiet = TICKS_PER_BEAT;
    let mut sequence = 0;
    // Told again as it is until it is answered, so that it counts once.
    let mut untold: Option<OnlineReport> = None;
    loop {
        ticks.tick().await;
        quiet += TICKS_PER_PUSH;
        let report = match untold.take() {
            Some(report) => report,
            None => {
                let moves = shared.registry.here.take_moves(MOVES_MAX);
                if moves.is_empty() && quiet < TICKS_PER_BEAT {
                    continue;
                }
                sequence += 1;
                OnlineReport { node: shared.bus.number(), sequence, moves }
            }
        };
        match shared.gate.report_online(report.clone()).await {
            Ok(known) => {
                quiet = 0;
                if !known {
                    shared.registry.here.tell_all(now_ms());
                }
            }
            Err(error) => {
                tracing::debug!(code = ?error.code, "online time cannot be told now");
                untold = Some(report);
            }
        }
    }
}
