//! Gap repair: pulls what pushes did not bring, and keeps the cache.

use std::{sync::Arc, time::Duration};

use skein_proto::v1;
use tokio::{
    sync::{broadcast, mpsc},
    time::sleep,
};

use crate::{
    Cache, Client, ClientError, Update,
    bundle::unpack_bundle,
    driver::{Command, Shared},
    timeline::Need,
};

/// Messages packed with each entry of a pull.
const BUNDLE_MESSAGES: u32 = 20;
/// A hole may close by itself: pushes of several senders can overtake each other.
const HOLE_PATIENCE: Duration = Duration::from_millis(30);
/// Between two writes of the cache.
const CACHE_INTERVAL: Duration = Duration::from_secs(1);

/// Pulls what the timeline asks for, and keeps the cache.
pub(crate) struct Puller {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::WeakSender<Command>,
    pub(crate) user_id: u64,
}

impl Puller {
    /// Runs until the last handle is dropped, or the client is closed.
    pub(crate) async fn run(self, mut updates: broadcast::Receiver<Update>, cache: Box<dyn Cache>) {
        let mut ticks = tokio::time::interval(CACHE_INTERVAL);
        let mut dirty = false;
        loop {
            let pulls = tokio::select! {
                update = updates.recv() => match update {
                    Ok(Update::Online { .. } | Update::Needs) | Err(broadcast::error::RecvError::Lagged(_)) => true,
                    Ok(Update::Closed(..)) | Err(broadcast::error::RecvError::Closed) => break,
                    Ok(_) => false,
                },
                _ = ticks.tick() => {
                    if std::mem::take(&mut dirty) {
                        cache.store(&self.shared.timeline.lock());
                    }
                    if self.commands.strong_count() == 0 {
                        break;
                    }
                    // What failed a moment ago may work now.
                    self.needed()
                }
            };
            dirty = true;
            if pulls && !self.pull().await {
                break;
            }
        }
        cache.store(&self.shared.timeline.lock());
    }

    /// False when the client has been stopped.
    async fn pull(&self) -> bool {
        if !self.needed() {
            return true;
        }
        sleep(HOLE_PATIENCE).await;
        let Some(commands) = self.commands.upgrade() else { return false };
        let client = Client { shared: self.shared.clone(), commands, user_id: self.user_id };
        match client.pull_needed().await {
            Err(ClientError::Stopped | ClientError::Closed(..)) => false,
            // Whatever it was, the timeline still knows what it needs: the next update or tick tries again.
            Err(_) | Ok(()) => true,
        }
    }

    fn needed(&self) -> bool {
        self.shared.timeline.lock().has_needs()
    }
}

impl Client {
    /// Pulls the user timeline, and whatever it names, now.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn pull(&self) -> Result<(), ClientError> {
        self.shared.timeline.lock().need_user();
        self.pull_needed().await
    }

    async fn pull_needed(&self) -> Result<(), ClientError> {
        // One at a time: the pages of two pulls of the user timeline must not mix.
        let _turn = self.shared.pulls.lock().await;
        loop {
            let needs = self.shared.timeline.lock().take_needs();
            if needs.is_empty() {
                return Ok(());
            }
            for (at, need) in needs.iter().enumerate() {
                if let Err(error) = self.pull_one(need).await {
                    self.shared.timeline.lock().return_needs(&needs[at..]);
                    return Err(error);
                }
            }
            self.shared.tell(Update::Pulled);
        }
    }

    async fn pull_one(&self, need: &Need) -> Result<(), ClientError> {
        match need {
            Need::User => self.pull_user().await,
            Need::Conversation(id) => match self.pull_conversation(id).await {
                // Left meanwhile; the user timeline says so.
                Err(error) if error.code() == Some(v1::ErrorCode::NotAMember) => Ok(()),
                other => other,
            },
        }
    }

    async fn pull_user(&self) -> Result<(), ClientError> {
        let since_version = self.with_timeline(|timeline| timeline.user_version);
        let mut before_version = 0;
        loop {
            let request = v1::PullUserRequest {
                since_version,
                before_version,
                messages_per_entry: BUNDLE_MESSAGES,
                compress: true,
                ..Default::default()
            };
            let page = self.call("SyncService/PullUser", &request).await.and_then(unpacked);
            let page: v1::PullUserResponse = match page {
                Ok(page) => page,
                Err(error) => {
                    self.shared.timeline.lock().abandon_user_pull();
                    return Err(error);
                }
            };
            before_version = page.next_before_version;
            if self.shared.timeline.lock().merge_user_page(&page, &page.messages) {
                return Ok(());
            }
        }
    }

    async fn pull_conversation(&self, id: &str) -> Result<(), ClientError> {
        loop {
            let since_version =
                self.with_timeline(|timeline| timeline.conversations.get(id).map_or(0, |known| known.version));
            let request =
                v1::PullConversationRequest { conversation_id: id.to_owned(), since_version, ..Default::default() };
            let page: v1::PullConversationResponse = self.call("SyncService/PullConversation", &request).await?;
            if self.shared.timeline.lock().merge_conversation_page(id, &page) {
                return Ok(());
            }
        }
    }
}

/// The page with the messages of its bundle.
fn unpacked(mut page: v1::PullUserResponse) -> Result<v1::PullUserResponse, ClientError> {
    if !page.bundle_zlib.is_empty() {
        let packed = std::mem::take(&mut page.bundle_zlib);
        page.messages = unpack_bundle(&packed).map_err(|error| ClientError::Protocol(error.to_string()))?;
    }
    Ok(page)
}
