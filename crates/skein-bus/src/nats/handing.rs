//! Events for those who are connected now: each node that holds some of them is asked to hand one over, and says to how many it did.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::join_all;
use skein_proto::{codec::Codec, event::EncodedEvent, id::UserId};

use super::Node;
use crate::{
    Handing, Present, merged,
    packet::{self, Packet},
};

/// How long other nodes may take to say to how many sessions they have handed an event.
const ANSWER_MAX: Duration = Duration::from_millis(500);
/// How long they may take to say who is connected there.
const PRESENT_MAX: Duration = Duration::from_secs(2);
/// Users of one packet.
const STIRRED_MAX: usize = 32_768;

impl Node {
    /// See [`crate::Bus::hand`].
    pub(super) async fn hand(&self, handing: &Handing) -> u32 {
        let here = self.hand_here(handing);
        let routes = self.directory.read().route(&handing.users);
        if routes.is_empty() {
            return here;
        }
        let asked = routes.into_iter().map(|(node, users)| {
            let packet = Packet::Hand {
                only_device: handing.only_device.clone(),
                skip_device: handing.skip_device.clone(),
                users,
                event: handing.event.encoded(Codec::Binary).clone(),
            };
            self.request(self.subject_of(node), packet.encode(), ANSWER_MAX)
        });
        let counts = join_all(asked).await.into_iter().flatten();
        counts.filter_map(|answer| packet::decode_count(answer).ok()).fold(here, u32::saturating_add)
    }

    fn hand_here(&self, handing: &Handing) -> u32 {
        self.sessions().map_or(0, |sessions| sessions.hand(handing))
    }

    /// Another node asks; the answer.
    pub(super) fn take_handing(&self, handing: &Handing) -> Bytes {
        packet::encode_count(self.hand_here(handing))
    }
}

impl Node {
    /// See [`crate::Bus::list_present`].
    pub(super) async fn list_present(&self, users: &[UserId]) -> Vec<Present> {
        let mut present = self.present_here(users);
        let routes = self.directory.read().route(users);
        let asked = routes.into_iter().map(|(node, users)| async move {
            let packet = Packet::Present { users: users.clone() };
            let answer = self.request(self.subject_of(node), packet.encode(), PRESENT_MAX).await;
            (users, answer.ok().and_then(|answer| packet::decode_present(answer).ok()))
        });
        let mut unknown = Vec::new();
        for (users, answer) in join_all(asked).await {
            match answer {
                Some(answer) => present.extend(answer),
                None => unknown.extend(users),
            }
        }
        // They look as if they were away now. Whoever watches them asks again, until the node answers or is taken for dead.
        self.tell_stirred(&unknown).await;
        merged(present)
    }

    /// Those who are connected to this node.
    pub(super) fn present_here(&self, users: &[UserId]) -> Vec<Present> {
        self.sessions().map(|sessions| sessions.list_present(users)).unwrap_or_default()
    }

    /// This node knows only now whom another one holds, and may have been asked before: every node with sessions looks again.
    pub(super) async fn tell_all_stirred(&self) {
        self.send(self.subject_all(), Packet::Stirred { users: Vec::new() }.encode()).await;
    }

    /// How these people look may have changed: every node with sessions learns of it.
    pub(super) async fn tell_stirred(&self, users: &[UserId]) {
        for users in users.chunks(STIRRED_MAX) {
            self.send(self.subject_all(), Packet::Stirred { users: users.to_vec() }.encode()).await;
        }
    }
}

/// What another node wants to be handed over.
pub(super) fn handing(
    only_device: Option<Arc<str>>,
    skip_device: Option<Arc<str>>,
    users: Vec<UserId>,
    event: Bytes,
) -> Handing {
    Handing { users: users.into(), only_device, skip_device, event: Arc::new(EncodedEvent::from_encoded(event)) }
}
