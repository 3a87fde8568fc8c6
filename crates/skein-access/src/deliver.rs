//! From the bus into the sessions.

use std::{sync::Arc, time::Duration};

use skein_bus::{BusMessage, Whom};
use tokio::{sync::mpsc::Receiver, time::Instant};

use crate::{cluster, hello::Shared, measure, registry::Registry};

/// Bus messages taken at once.
const BATCH_MAX: usize = 256;

/// Between two shards of the registry when everybody is told to pull: not all of them at once.
const HINT_PAUSE: Duration = Duration::from_millis(20);

/// Runs until the bus ends.
pub(crate) async fn run(shared: Arc<Shared>, mut bus: Receiver<BusMessage>) {
    let registry = shared.registry.clone();
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut hints = Hints { registry: registry.clone(), next: None };
    loop {
        tokio::select! {
            count = bus.recv_many(&mut batch, BATCH_MAX) => if count == 0 { return },
            () = hints.next() => continue,
        }
        let mut delivered = 0;
        for message in batch.drain(..) {
            match message {
                BusMessage::Deliver { users, event, skip_device } => {
                    for user in users.iter() {
                        delivered += registry.push(*user, &event, skip_device.as_deref());
                    }
                }
                BusMessage::CloseLinks { user, device_id, generation_max, code } => {
                    registry.close(user, device_id, generation_max, code);
                }
                BusMessage::EndSession { user, device_id, session_id } => {
                    registry.supersede(user, &device_id, session_id);
                }
                BusMessage::Lagging(Whom::Users(users)) => {
                    measure::told_to_pull(users.iter().map(|user| registry.mark_lagging(*user)).sum());
                }
                BusMessage::Stirred(Whom::Users(users)) => shared.watches.stir(&users),
                BusMessage::Stirred(Whom::All) => shared.watches.stir_all(),
                BusMessage::Notice(notice) => cluster::hear(&shared, &notice),
                BusMessage::Room { room, packet } => shared.rooms.take_packet(&room, packet),
                BusMessage::Lagging(Whom::All) => hints.next = Some((0, Instant::now())),
            }
        }
        measure::delivered(delivered);
    }
}

/// Everybody is told to pull, shard by shard.
struct Hints {
    registry: Arc<Registry>,
    /// The next shard and its time, while there is one.
    next: Option<(usize, Instant)>,
}

impl Hints {
    /// Does the next shard when it is time; waits forever when nobody is to be told. May be dropped and called again.
    async fn next(&mut self) {
        let Some((shard, time)) = self.next else { return std::future::pending().await };
        tokio::time::sleep_until(time).await;
        let told = self.registry.mark_shard_lagging(shard);
        measure::told_to_pull(told.unwrap_or_default());
        self.next = told.map(|_| (shard + 1, time + HINT_PAUSE));
    }
}
