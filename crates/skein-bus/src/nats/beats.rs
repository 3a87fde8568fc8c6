//! What this node says about itself: a beat each second and after changes; and what follows from the connection's coming and going.

use std::{collections::HashMap, sync::Arc, time::Duration};

use metrics::gauge;
use skein_proto::id::UserId;
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::{
    Node, Ordering,
    link::{self, Happened, UNNOTICED_MS},
};
use crate::{
    BusMessage, Whom,
    packet::{Beat, Packet},
};

/// Between two beats without changes.
const INTERVAL: Duration = Duration::from_secs(1);
/// Changes are gathered for this long.
const GATHER: Duration = Duration::from_millis(20);
/// Changes of one beat.
const CHANGES_MAX: usize = 32_768;
/// Changes that wait while nobody can be told; beyond it others will ask for everything instead.
const UNTOLD_MAX: usize = 262_144;
/// After coming back, until subscriptions are in force for certain.
const SUBSCRIBED_AFTER: Duration = Duration::from_millis(250);

/// Runs until it is dropped.
pub(super) async fn run(node: Arc<Node>, mut happened: mpsc::Receiver<Happened>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            Some(happened) = happened.recv() => {
                if node.note(happened) {
                    node.come_back().await;
                }
            }
            _ = ticks.tick() => node.tick().await,
            () = node.changed.notified() => {
                tokio::time::sleep(GATHER).await;
                node.tell_changes().await;
            }
        }
    }
}

impl Node {
    /// A user is held here from now on, or is not any more; others are told soon.
    pub(super) fn note_held(&self, user: UserId, held: bool) {
        let mut untold = self.untold.lock();
        untold.insert(user, held);
        if untold.len() > UNTOLD_MAX {
            *untold = HashMap::new();
            // A gap, so that others ask.
            self.sequence.fetch_add(2, Ordering::Relaxed);
        }
        drop(untold);
        self.changed.notify_one();
    }

    fn beat(&self, sequence: u64, deaf_ms: u64, online: Vec<UserId>, offline: Vec<UserId>) -> Packet {
        Packet::Beat(Beat {
            node: self.id,
            boot: self.boot,
            sequence,
            duties: self.duties(),
            leaving: false,
            deaf_ms,
            online,
            offline,
        })
    }

    async fn tell_changes(&self) {
        while self.link.is_connected() {
            let changes: Vec<(UserId, bool)> = {
                let mut untold = self.untold.lock();
                if untold.len() <= CHANGES_MAX {
                    untold.drain().collect()
                } else {
                    let some: Vec<UserId> = untold.keys().copied().take(CHANGES_MAX).collect();
                    some.into_iter().filter_map(|user| untold.remove_entry(&user)).collect()
                }
            };
            if changes.is_empty() {
                return;
            }
            let mut online: Vec<UserId> = changes.iter().filter(|(_, held)| *held).map(|(user, _)| *user).collect();
            let mut offline: Vec<UserId> = changes.iter().filter(|(_, held)| !*held).map(|(user, _)| *user).collect();
            online.sort_unstable();
            offline.sort_unstable();
            // Told or not, it counts: who missed it asks.
            let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
            self.send(self.subject_all(), self.beat(sequence, 0, online, offline).encode()).await;
        }
    }

    pub(super) async fn say(&self, deaf_ms: u64) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.send(self.subject_all(), self.beat(sequence, deaf_ms, Vec::new(), Vec::new()).encode()).await;
    }

    async fn tick(&self) {
        if self.link.is_connected() {
            self.say(0).await;
            if let Some(since_ms) = self.link.take_lost() {
                self.tell_what_was_missed(since_ms).await;
            }
        }
        if self.link.too_slow.swap(false, Ordering::Relaxed) {
            tracing::warn!("packets of other nodes came faster than they could be taken; all sessions here will pull");
            self.deliver_here(BusMessage::Lagging(Whom::All)).await;
        }
        // While we are cut off, everybody is silent: what is known is as good as it gets.
        let silent = if self.link.is_connected() && self.blind_since_ms() >= self.now_ms().saturating_sub(1) {
            self.directory.write().sweep(self.now_ms())
        } else {
            Vec::new()
        };
        for (node, _) in &silent {
            tracing::warn!(node = format!("{:016x}", node.0), "a node is silent and taken for dead");
        }
        if silent.iter().any(|(_, duties)| duties.delivers) {
            self.deliver_here(BusMessage::Stirred(Whom::All)).await;
        }
        if silent.iter().any(|(_, duties)| duties.serves) {
            // It may have died between a commit and telling anybody, and nobody else knows whom that concerns.
            self.deliver_here(BusMessage::Lagging(Whom::All)).await;
        }
        // Again each time: the recorder may have come after the connection.
        gauge!("skein_bus_connected").set(if self.link.is_connected() { 1.0 } else { 0.0 });
        let (nodes, users) = self.directory.read().size();
        gauge!("skein_bus_nodes").set(nodes as f64);
        gauge!("skein_bus_users").set(users as f64);
    }

    /// The connection is there, perhaps again: others learn of us, and everybody here pulls what was not pushed.
    async fn come_back(&self) {
        link::flushed(&self.client).await;
        tokio::time::sleep(SUBSCRIBED_AFTER).await;
        let deaf_ms = self.now_ms().saturating_sub(self.link.cut_off_ms.load(Ordering::Relaxed));
        self.say(deaf_ms).await;
        self.tell_changes().await;
        self.deliver_here(BusMessage::Stirred(Whom::All)).await;
        self.deliver_here(BusMessage::Lagging(Whom::All)).await;
        if let Some(since_ms) = self.link.take_lost() {
            self.tell_what_was_missed(since_ms).await;
        }
    }

    /// Nodes are told whom we could not tell them about, and which links to close.
    async fn tell_what_was_missed(&self, since_ms: u64) {
        let missed = self.directory.read().pick(|user| self.recent.concerns(user, since_ms));
        for (node, users) in missed {
            self.tell_to_pull(node, users).await;
        }
        for closed in self.recent.closed_since(since_ms) {
            self.send(self.subject_all(), Packet::from(&closed).encode()).await;
        }
    }

    /// A node that was deaf is told which links to close; it has its sessions pull by itself.
    pub(super) async fn repeat_closes(&self, subject: &str, since_ms: u64) {
        for closed in self.recent.closed_since(since_ms.saturating_sub(UNNOTICED_MS)) {
            self.send(subject.to_owned(), Packet::from(&closed).encode()).await;
        }
    }

    /// Says goodbye.
    pub(super) async fn leave(&self) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        let Packet::Beat(beat) = self.beat(sequence, 0, Vec::new(), Vec::new()) else { return };
        if self.send(self.subject_all(), Packet::Beat(Beat { leaving: true, ..beat }).encode()).await {
            link::flushed(&self.client).await;
        }
    }
}
