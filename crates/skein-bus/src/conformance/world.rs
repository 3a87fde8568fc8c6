//! Nodes of a test, with sessions that are only numbers.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use skein_proto::{event::EncodedEvent, id::UserId, v1};
use tokio::sync::mpsc;

use crate::{Bus, BusMessage, Call, Handing, Present, Sessions, Whom, nats::NodeRole};

/// Nothing takes this long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a new node gets of its bus.
pub type Ends = (Arc<dyn Bus>, mpsc::Receiver<BusMessage>, mpsc::Receiver<Call>);
/// How a node joins the cluster.
pub type Join = Box<dyn Fn(NodeRole) -> Pin<Box<dyn Future<Output = Ends> + Send>> + Send + Sync>;

/// A cluster under test.
pub struct World {
    join: Join,
}

/// One node of it.
pub struct TestNode {
    /// Its end of the bus.
    pub bus: Arc<dyn Bus>,
    /// What its access layer is told.
    pub deliveries: mpsc::Receiver<BusMessage>,
    /// What its service layer is asked.
    pub calls: mpsc::Receiver<Call>,
    sessions: Arc<Held>,
}

#[derive(Default)]
struct Held {
    devices: Mutex<HashMap<UserId, Vec<Arc<str>>>>,
    /// Signals: who got one on which device, and its kind.
    handed: Mutex<Vec<(UserId, Arc<str>, String)>>,
}

impl Sessions for Held {
    fn users(&self) -> Vec<UserId> {
        self.devices.lock().keys().copied().collect()
    }
    fn online_devices(&self, user: UserId) -> Vec<Arc<str>> {
        self.devices.lock().get(&user).cloned().unwrap_or_default()
    }
    fn list_present(&self, users: &[UserId]) -> Vec<Present> {
        let held = self.devices.lock();
        let there = users.iter().filter_map(|user| Some((*user, held.get(user)?.len() as u32)));
        // The platforms are as many as there are devices.
        there.map(|(user, count)| Present { user, platforms: (1..=count).collect() }).collect()
    }
    fn hand(&self, handing: &Handing) -> u32 {
        let Some(v1::event::Body::Signal(signal)) = &handing.event.event().body else { return 0 };
        let mut handed = self.handed.lock();
        let before = handed.len();
        for user in handing.users.iter() {
            let devices = self.online_devices(*user).into_iter();
            let meant = devices.filter(|device| {
                handing.only_device.as_ref().is_none_or(|only| only == device)
                    && handing.skip_device.as_ref() != Some(device)
            });
            handed.extend(meant.map(|device| (*user, device, signal.kind.clone())));
        }
        (handed.len() - before) as u32
    }
}

impl World {
    /// An empty cluster.
    pub fn new(join: Join) -> Self {
        Self { join }
    }

    /// A node with everything.
    pub async fn node(&self) -> TestNode {
        self.node_with(NodeRole { serves: true, delivers: true }).await
    }

    /// A node for this.
    pub async fn node_with(&self, role: NodeRole) -> TestNode {
        let (bus, deliveries, calls) = (self.join)(role).await;
        let sessions = Arc::new(Held::default());
        let weak: Weak<Held> = Arc::downgrade(&sessions);
        bus.attach(weak);
        TestNode { bus, deliveries, calls, sessions }
    }

    /// Nodes that know of one another.
    pub async fn nodes<const N: usize>(&self) -> [TestNode; N] {
        let mut nodes = Vec::new();
        for _ in 0..N {
            nodes.push(self.node().await);
        }
        for index in 0..N {
            let (device, user) = ("meeting", UserId(u64::MAX - index as u64));
            nodes[index].hold(user, device);
            for other in &nodes {
                other.knows(user, device).await;
            }
        }
        for node in &mut nodes {
            node.settle();
        }
        nodes.try_into().unwrap_or_else(|_| unreachable!("as many as were made"))
    }
}

impl TestNode {
    /// A user connects here.
    pub fn hold(&self, user: UserId, device: &str) {
        let mut held = self.sessions.devices.lock();
        let devices = held.entry(user).or_default();
        devices.push(device.into());
        if devices.len() == 1 {
            self.bus.set_held(user, true);
        }
    }

    /// All sessions of a user here are over.
    pub fn release(&self, user: UserId) {
        let mut held = self.sessions.devices.lock();
        if held.remove(&user).is_some() {
            self.bus.set_held(user, false);
        }
    }

    /// Waits until this node knows that the user is there with this device.
    pub async fn knows(&self, user: UserId, device: &str) {
        self.eventually(user, |devices| devices.iter().any(|other| **other == *device)).await;
    }

    /// Waits until this node knows of no device of the user.
    pub async fn forgets(&self, user: UserId) {
        self.eventually(user, <[Arc<str>]>::is_empty).await;
    }

    async fn eventually(&self, user: UserId, holds: impl Fn(&[Arc<str>]) -> bool) {
        let waiting = async {
            while !holds(&self.bus.online_devices(user).await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
            "user {user} is where it should not be, or is not"
        );
    }

    /// Publishes an event with this number.
    pub async fn publish(&self, users: &[UserId], number: u64) {
        let event = v1::TimelineEvent { version: number, ..Default::default() };
        let event = Arc::new(EncodedEvent::new(event));
        self.bus.publish(BusMessage::Deliver { users: users.into(), event, skip_device: None }).await;
    }

    /// Hands a signal of this kind to these users, but not to one device; to how many.
    pub async fn hand(
        &self,
        users: &[UserId],
        kind: &str,
        only_device: Option<&str>,
        skip_device: Option<&str>,
    ) -> u32 {
        let event = Arc::new(EncodedEvent::new(v1::Signal { kind: kind.to_owned(), ..Default::default() }));
        let (only_device, skip_device) = (only_device.map(Arc::from), skip_device.map(Arc::from));
        self.bus.hand(Handing { users: users.into(), only_device, skip_device, event }).await
    }

    /// What was handed to sessions here, in no order.
    pub fn handed(&self) -> Vec<(UserId, Arc<str>, String)> {
        let mut handed = std::mem::take(&mut *self.sessions.handed.lock());
        handed.sort();
        handed
    }

    /// The next message here; hints to everybody are passed over, because a node that has just come gives them.
    pub async fn next(&mut self) -> BusMessage {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.deliveries.recv()).await;
            match next.expect("a message comes").expect("the bus lives") {
                BusMessage::Lagging(Whom::All) | BusMessage::Stirred(_) => {}
                message => return message,
            }
        }
    }

    /// The next message here that says whose presence may have changed.
    pub async fn next_stirred(&mut self) -> Whom {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.deliveries.recv()).await;
            if let BusMessage::Stirred(whom) = next.expect("a message comes").expect("the bus lives") {
                return whom;
            }
        }
    }

    /// The receivers and the number of the next event here.
    pub async fn next_event(&mut self) -> (Vec<UserId>, u64) {
        match self.next().await {
            BusMessage::Deliver { users, event, .. } => {
                let Some(v1::event::Body::Timeline(timeline)) = &event.event().body else { panic!("{event:?}") };
                (users.to_vec(), timeline.version)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Takes what has come and is of no interest.
    pub fn settle(&mut self) {
        while self.deliveries.try_recv().is_ok() {}
    }
}
