//! Telling the connections: from a committed change to the bus. Never fails an operation: what is not pushed is pulled.

use std::sync::Arc;

use skein_bus::{BusMessage, Whom};
use skein_proto::{
    event::EncodedEvent,
    id::UserId,
    v1::{self, CloseCode},
};
use skein_store::message::{Delivery, Recipients};

use crate::{Caller, Service};

impl Service {
    /// Announces a new or changed message to its receivers, except on the caller's own device, which has the answer.
    pub(crate) async fn announce_message(&self, caller: &Caller, delivery: Delivery) {
        self.announce(caller, delivery, Some(caller)).await;
    }

    /// Announces a system line to its receivers, on the caller's own device too: the answer to what caused it does not carry it.
    pub(crate) async fn announce_system_line(&self, caller: &Caller, delivery: Delivery) {
        self.announce(caller, delivery, None).await;
    }

    async fn announce(&self, caller: &Caller, delivery: Delivery, skip: Option<&Caller>) {
        let Delivery { message, recipients } = delivery;
        let Some(users) = self.receivers(recipients).await else { return };
        let options = message.options.as_option().cloned().unwrap_or_default();
        let users = match (options.no_push, options.no_own_devices) {
            (true, true) => return,
            (true, false) => Arc::from([caller.user]),
            (false, true) => users.iter().copied().filter(|user| *user != caller.user).collect(),
            (false, false) => users,
        };
        let event = v1::MessageEvent {
            previous_seq: message.seq.saturating_sub(1),
            conversation_version: message.version,
            message: message.into(),
            ..Default::default()
        };
        self.deliver(users, EncodedEvent::new(event), skip).await;
    }

    /// Has these receivers look whether they have everything.
    pub(crate) async fn tell_to_pull(&self, recipients: Recipients) {
        if let Some(users) = self.receivers(recipients).await.filter(|users| !users.is_empty()) {
            self.bus.publish(BusMessage::Lagging(Whom::Users(users))).await;
        }
    }

    async fn receivers(&self, recipients: Recipients) -> Option<Arc<[UserId]>> {
        match recipients {
            Recipients::Users(users) => Some(Arc::from(users)),
            Recipients::Roster { conversation, roster_version } => {
                let roster = self.roster(conversation, roster_version).await;
                let lost = |failure: &_| tracing::warn!(%failure, "no roster: members find the message when they pull");
                roster.inspect_err(lost).ok()
            }
        }
    }

    /// Tells the caller's other devices that an entry moved.
    pub(crate) async fn announce_entry(&self, caller: &Caller, entry: v1::ConversationEntry) {
        self.deliver(Arc::from([caller.user]), EncodedEvent::new(entry), Some(caller)).await;
    }

    /// Tells the caller's other devices to pull the user timeline.
    pub(crate) async fn announce_timeline(&self, caller: &Caller, version: u64) {
        let event = v1::TimelineEvent { version, ..Default::default() };
        self.deliver(Arc::from([caller.user]), EncodedEvent::new(event), Some(caller)).await;
    }

    pub(crate) async fn deliver(&self, users: Arc<[UserId]>, event: EncodedEvent, skip: Option<&Caller>) {
        if users.is_empty() {
            return;
        }
        let skip_device = skip.map(|caller| caller.device_id.clone());
        self.bus.publish(BusMessage::Deliver { users, event: Arc::new(event), skip_device }).await;
    }

    /// Closes the live links of a device, wherever they are: those of this log-in and earlier ones.
    pub(crate) async fn close_links(&self, user: UserId, device_id: &str, generation: u64, code: CloseCode) {
        let device_id = Some(Arc::from(device_id));
        self.bus.publish(BusMessage::CloseLinks { user, device_id, generation_max: generation, code }).await;
    }
}
