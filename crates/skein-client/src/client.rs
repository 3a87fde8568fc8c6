//! The handle that an application holds. It may be cloned; the last one dropped stops the client.

use std::{
    sync::{Arc, Weak, atomic::AtomicU64},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use skein_proto::{
    codec::{Body, Codec},
    v1::{self, CloseCode},
};
use tokio::{
    sync::{Notify, broadcast, mpsc, oneshot},
    time::sleep,
};

use crate::{
    Address, Addresses, Cache, ClientError, ConnectOptions,
    account::{Login, now_ms},
    driver::{Command, Driver, Shared},
    gateways::Gateways,
    presence,
    puller::Puller,
    room::{self, RoomState},
    timeline::Timeline,
};

/// Requests that may wait for the driver.
const COMMANDS_MAX: usize = 256;
/// Updates that a slow listener may leave unread; beyond it, the oldest are gone and it looks at the timeline.
const UPDATES_MAX: usize = 1_024;
/// How often a request is repeated that the server could not take just then.
const ATTEMPTS_MAX: u32 = 6;
/// Wait before the first repeat; it doubles.
const REPEAT_WAIT: Duration = Duration::from_millis(50);

/// What an application may want to show.
#[derive(Clone, Debug)]
pub enum Update {
    /// The link works.
    Online {
        /// Whether the former session went on.
        resumed: bool,
    },
    /// The link is down; the SDK is connecting again. The text says why.
    Offline(String),
    /// The server closed for good.
    Closed(CloseCode, String),
    /// One pushed event, already merged.
    Event(Box<v1::Event>),
    /// A pull brought something; look at the timeline.
    Pulled,
    /// Internal: pushes were lost.
    #[doc(hidden)]
    Missed,
    /// Internal: something may have to be pulled.
    #[doc(hidden)]
    Needs,
}

/// A logged-in client.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) user_id: u64,
}

/// A client that ends when nobody else holds it.
pub(crate) struct WeakClient {
    shared: Weak<Shared>,
    commands: mpsc::WeakSender<Command>,
    user_id: u64,
}

impl WeakClient {
    pub(crate) fn upgrade(&self) -> Option<Client> {
        let (shared, commands) = (self.shared.upgrade()?, self.commands.upgrade()?);
        Some(Client { shared, commands, user_id: self.user_id })
    }
}

impl Client {
    /// Starts the client of a login. It connects by itself, now and whenever the connection is lost: to the same node first, which may still have the
    /// session, then to the others in turn.
    pub fn start(addresses: impl Into<Addresses>, options: ConnectOptions, login: Login, cache: impl Cache) -> Self {
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let mut timeline = cache.load();
        timeline.user_id = login.user.user_id;
        timeline.restart();
        let shared = Arc::new(Shared {
            timeline: Mutex::new(timeline),
            updates: broadcast::channel(UPDATES_MAX).0,
            tokens: Mutex::new(login.tokens),
            gateways: Mutex::new(Gateways::new(addresses.into().into_vec())),
            options,
            pulls: tokio::sync::Mutex::new(()),
            session: AtomicU64::new(0),
            rooms: Mutex::default(),
            typing: Mutex::default(),
            moved: Notify::new(),
            watched: Mutex::default(),
        });
        let client = Self { shared: shared.clone(), commands, user_id: login.user.user_id };
        tokio::spawn(Driver::new(shared.clone(), received).run());
        // Holds the sending end weakly, so that it ends with the last handle.
        let puller = Puller { shared: shared.clone(), commands: client.commands.downgrade(), user_id: client.user_id };
        tokio::spawn(puller.run(shared.updates.subscribe(), Box::new(cache)));
        tokio::spawn(room::rejoin(client.downgrade(), shared.updates.subscribe()));
        tokio::spawn(presence::follow(client.downgrade(), shared.updates.subscribe()));
        client
    }

    /// Who this is.
    pub fn user_id(&self) -> u64 {
        self.user_id
    }

    /// The tokens as they are now, to be kept for the next start.
    pub fn tokens(&self) -> v1::Tokens {
        self.shared.tokens.lock().clone()
    }

    /// The address that works, to be given to the next start.
    pub fn address(&self) -> Option<Address> {
        self.shared.gateways.lock().winner()
    }

    /// Says that this machine is in another network now, or has another address. A QUIC connection goes on from a new socket, with the same session and
    /// whatever is under way; a client that waits to connect again tries at once, also what did not work before.
    ///
    /// # Errors
    /// No socket can be had in the new network yet; the old one is kept.
    pub fn network_changed(&self) -> std::io::Result<()> {
        self.shared.gateways.lock().forget_failures();
        self.shared.moved.notify_waiters();
        self.shared.options.network.changed()
    }

    /// What happens from now on. A listener that falls behind misses updates, never state: that is in the timeline.
    pub fn updates(&self) -> broadcast::Receiver<Update> {
        self.shared.updates.subscribe()
    }

    /// Looks at the state. Keep it short: the client waits meanwhile.
    pub fn with_timeline<T>(&self, look: impl FnOnce(&Timeline) -> T) -> T {
        look(&self.shared.timeline.lock())
    }

    /// Runs any operation. While there is no connection it waits; if the connection is lost it is asked again on the next one, so it must be one that may be
    /// repeated, as all operations with a client id are. What the server cannot take just then is repeated a few times.
    ///
    /// # Errors
    /// What the server refuses with, or that the client was closed or stopped.
    pub async fn call<Q: Body, A: Body>(&self, method: &str, request: &Q) -> Result<A, ClientError> {
        self.call_about(method, request, None).await
    }

    /// Asks, again while the server cannot just then; the encoded answer. A room takes it first, if it is about one.
    pub(crate) async fn repeat(
        &self,
        method: &str,
        body: Bytes,
        about: Option<Arc<RoomState>>,
    ) -> Result<Bytes, ClientError> {
        let mut wait = REPEAT_WAIT;
        let mut attempt = 1;
        loop {
            match self.ask(method, body.clone(), about.clone()).await {
                Err(ClientError::Refused(error)) if error.retryable && attempt < ATTEMPTS_MAX => {
                    sleep(wait.max(Duration::from_millis(u64::from(error.retry_after_ms)))).await;
                    (wait, attempt) = (wait * 2, attempt + 1);
                }
                answered => return answered,
            }
        }
    }

    /// The same client, without keeping it alive.
    fn downgrade(&self) -> WeakClient {
        WeakClient { shared: Arc::downgrade(&self.shared), commands: self.commands.downgrade(), user_id: self.user_id }
    }

    async fn ask(&self, method: &str, body: Bytes, about: Option<Arc<RoomState>>) -> Result<Bytes, ClientError> {
        let (answer, answered) = oneshot::channel();
        let command = Command { method: method.to_owned(), body, answer, about, once: false };
        self.commands.send(command).await.map_err(|_| ClientError::Stopped)?;
        answered.await.map_err(|_| ClientError::Stopped)?
    }

    /// Runs an operation that is of no use later: without a connection, or when it is lost meanwhile, this fails instead of asking again.
    pub(crate) async fn call_once<Q: Body, A: Body>(&self, method: &str, request: &Q) -> Result<A, ClientError> {
        let (answer, answered) = oneshot::channel();
        let body = Codec::Binary.encode(request);
        let command = Command { method: method.to_owned(), body, answer, about: None, once: true };
        self.commands.send(command).await.map_err(|_| ClientError::Stopped)?;
        let body = answered.await.map_err(|_| ClientError::Stopped)??;
        Codec::Binary.decode(&body).map_err(|error| ClientError::Protocol(error.to_string()))
    }

    /// Sends any content to a conversation, exactly once however often it has to be repeated.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn send(
        &self,
        to: v1::send_message_request::To,
        content: v1::Content,
    ) -> Result<v1::SendMessageResponse, ClientError> {
        let request = v1::SendMessageRequest {
            to: Some(to),
            client_message_id: new_client_id(),
            content: content.clone().into(),
            client_time_ms: now_ms(),
            ..Default::default()
        };
        self.send_request(&request).await
    }

    /// The same with a client id of the application's own, which may ask again with it until there is an answer.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn send_request(&self, request: &v1::SendMessageRequest) -> Result<v1::SendMessageResponse, ClientError> {
        let sent: v1::SendMessageResponse = self.call("MessageService/SendMessage", request).await?;
        self.merge_own(request, &sent);
        Ok(sent)
    }

    /// The own message is shown without waiting for a pull.
    fn merge_own(&self, request: &v1::SendMessageRequest, sent: &v1::SendMessageResponse) {
        let message = v1::Message {
            message_id: sent.message_id,
            conversation_id: sent.conversation_id.clone(),
            seq: sent.seq,
            version: sent.version,
            sender_id: self.user_id,
            client_message_id: request.client_message_id.clone(),
            content: request.content.clone(),
            state: v1::MessageState::Sent.into(),
            client_time_ms: request.client_time_ms,
            server_time_ms: sent.server_time_ms,
            sort_key: sent.server_time_ms,
            ..Default::default()
        };
        let event = v1::MessageEvent { message: message.into(), ..Default::default() };
        let event = v1::Event { body: Some(event.into()), ..Default::default() };
        if self.shared.timeline.lock().push(&event) {
            self.shared.tell(Update::Event(Box::new(event)));
        }
        self.shared.tell(Update::Needs);
    }

    /// Sends text to a person.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn send_text_to(&self, user_id: u64, text: &str) -> Result<v1::SendMessageResponse, ClientError> {
        self.send(v1::send_message_request::To::UserId(user_id), text_content(text)).await
    }

    /// Sends text to a conversation.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn send_text(&self, conversation: &str, text: &str) -> Result<v1::SendMessageResponse, ClientError> {
        self.send(v1::send_message_request::To::ConversationId(conversation.to_owned()), text_content(text)).await
    }

    /// The person with this user name.
    ///
    /// # Errors
    /// `NOT_FOUND`, and as [`Client::call`].
    pub async fn find_user(&self, username: &str) -> Result<v1::User, ClientError> {
        let by = v1::find_user_request::By::Username(username.to_owned());
        let request = v1::FindUserRequest { by: Some(by), ..Default::default() };
        let answer: v1::FindUserResponse = self.call("AccountService/FindUser", &request).await?;
        answer.user.into_option().ok_or_else(|| ClientError::Protocol("an answer without a user".to_owned()))
    }

    /// Moves the read cursor to the newest message known.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn mark_read(&self, conversation: &str) -> Result<(), ClientError> {
        let seq = self.with_timeline(|timeline| {
            timeline.conversations.get(conversation)?.entry.as_ref().map(|entry| entry.last_seq)
        });
        let request = v1::MarkReadRequest {
            conversation_id: conversation.to_owned(),
            seq: seq.unwrap_or(0),
            ..Default::default()
        };
        let answer: v1::MarkReadResponse = self.call("ReceiptService/MarkRead", &request).await?;
        if let Some(entry) = answer.entry.as_option() {
            self.shared.timeline.lock().merge_entry(entry);
        }
        Ok(())
    }

    /// Loads older messages into the timeline. False when there are no more.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn load_older(&self, conversation: &str, count: u32) -> Result<bool, ClientError> {
        let before_seq = self
            .with_timeline(|timeline| timeline.conversations.get(conversation).map_or(0, |known| known.loaded_from));
        let request = v1::ListHistoryRequest {
            conversation_id: conversation.to_owned(),
            before_seq,
            limit: count,
            ..Default::default()
        };
        let page: v1::ListHistoryResponse = self.call("SyncService/ListHistory", &request).await?;
        self.shared.timeline.lock().merge_history(conversation, &page);
        Ok(page.has_more)
    }
}

/// Plain text as a content.
pub fn text_content(text: &str) -> v1::Content {
    v1::Content { body: Some(v1::Text { text: text.to_owned(), ..Default::default() }.into()), ..Default::default() }
}

/// A UUID version 7: 48 bits of milliseconds, then randomness.
pub fn new_client_id() -> String {
    let random = fastrand::u128(..);
    let (time, high, low) = (now_ms() & 0xffff_ffff_ffff, (random >> 64) as u64 & 0xfff, random as u64);
    let tail = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!("{:08x}-{:04x}-7{high:03x}-{:04x}-{:012x}", time >> 16, time & 0xffff, tail >> 48, tail & 0xffff_ffff_ffff)
}
