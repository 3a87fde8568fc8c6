//! Presence: watching people, and how one looks oneself. What is pushed comes out of [`Client::updates`] as events, and is remembered.

use skein_proto::v1::{self, event::Body};
use tokio::sync::broadcast;

use crate::{Client, ClientError, Update, client::WeakClient};

impl Client {
    /// Watches people, besides those it does already; how they are now. They are watched again by itself when the session is a new one.
    ///
    /// # Errors
    /// `TOO_LARGE`, `LIMIT_REACHED` (500 people at once), and as [`Client::call`].
    pub async fn watch_presence(&self, users: &[u64]) -> Result<Vec<v1::Presence>, ClientError> {
        let request = v1::WatchPresenceRequest { user_ids: users.to_vec(), ..Default::default() };
        let answer: v1::WatchPresenceResponse = self.call("PresenceService/WatchPresence", &request).await?;
        let mut watched = self.shared.watched.lock();
        for presence in &answer.presences {
            watched.insert(presence.user_id, presence.clone());
        }
        Ok(answer.presences)
    }

    /// Watches these people no more.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn unwatch_presence(&self, users: &[u64]) -> Result<(), ClientError> {
        self.shared.watched.lock().retain(|user, _| !users.contains(user));
        let request = v1::UnwatchPresenceRequest { user_ids: users.to_vec(), ..Default::default() };
        self.call::<_, v1::UnwatchPresenceResponse>("PresenceService/UnwatchPresence", &request).await?;
        Ok(())
    }

    /// How somebody who is watched looked last.
    pub fn presence_of(&self, user: u64) -> Option<v1::Presence> {
        self.shared.watched.lock().get(&user).cloned()
    }

    /// Chooses how one looks to others, on all devices until it is chosen again, or until then (Unix milliseconds; 0: for good).
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, and as [`Client::call`].
    pub async fn set_presence(&self, state: v1::PresenceState, text: &str, until_ms: u64) -> Result<(), ClientError> {
        let request =
            v1::SetPresenceRequest { state: state.into(), text: text.to_owned(), until_ms, ..Default::default() };
        self.call::<_, v1::SetPresenceResponse>("PresenceService/SetPresence", &request).await?;
        Ok(())
    }
}

/// Remembers what is pushed, and watches again when a new session has begun or pushes were lost. Ends with the client.
pub(crate) async fn follow(client: WeakClient, mut updates: broadcast::Receiver<Update>) {
    loop {
        let again = match updates.recv().await {
            Ok(Update::Event(event)) => {
                let Some(client) = client.upgrade() else { return };
                if let Some(Body::Presence(event)) = event.body {
                    let mut watched = client.shared.watched.lock();
                    for presence in event.presences {
                        if let Some(known) = watched.get_mut(&presence.user_id) {
                            *known = presence;
                        }
                    }
                }
                false
            }
            Ok(Update::Online { resumed }) => !resumed,
            Ok(Update::Missed) | Err(broadcast::error::RecvError::Lagged(_)) => true,
            Ok(_) => false,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let Some(client) = client.upgrade() else { return };
        let users: Vec<u64> = client.shared.watched.lock().keys().copied().collect();
        if again && !users.is_empty() {
            // Without a connection it is asked again with the next one.
            let _ = client.watch_presence(&users).await;
        }
    }
}
