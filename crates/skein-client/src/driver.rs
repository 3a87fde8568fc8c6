//! The task behind a client: keeps a link up, repeats what was not answered, refreshes tokens, and pulls what pushes did not bring.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use skein_proto::{
    session::{ClientEvent, ClientSession, CloseRange, close_range},
    v1::{self, CloseCode},
};
use tokio::{
    sync::{Notify, broadcast, mpsc, oneshot},
    time::sleep,
};

use crate::{
    Address, ClientError, ConnectOptions, Link,
    account::{self, now_ms},
    client::Update,
    gateways::Gateways,
    race::{Loss, connect_first, resolve},
    room::RoomState,
    timeline::Timeline,
    typing::Typing,
};

/// Told to the server, for its logs.
pub(crate) const CLIENT: &str = concat!("skein-client/", env!("CARGO_PKG_VERSION"));
/// First wait before reconnecting; each failure doubles it, and a random part of it is taken.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Longest wait before reconnecting.
const BACKOFF_MAX: Duration = Duration::from_secs(15);
/// A link that was left sooner than this after it began is replaced after a wait, in milliseconds.
const STAY_MS: u64 = 1_000;
/// A link that is left gets this long for answers that are on their way, in milliseconds: what is asked again elsewhere may be a second time there.
const LAST_ANSWERS_MS: u64 = 1_800;
/// After the server said that it has too much to do, waits begin as if so many tries had failed.
const OVERLOADED_FAILURES: u32 = 5;
/// A token with less than this left is refreshed.
const TOKEN_RESERVE_MS: u64 = 60_000;

/// A request of the application.
pub(crate) struct Command {
    pub(crate) method: String,
    pub(crate) body: Bytes,
    pub(crate) answer: oneshot::Sender<Result<Bytes, ClientError>>,
    /// The room that takes the answer before whatever comes after it.
    pub(crate) about: Option<Arc<RoomState>>,
    /// Asked once, now, or not at all: it is of no use later.
    pub(crate) once: bool,
}

impl Command {
    /// Gives up what is asked once; otherwise it is to be asked again.
    fn or_give_up(self) -> Option<Self> {
        if !self.once {
            return Some(self);
        }
        let text = "there is no connection, or it was lost meanwhile; this is not asked again".to_owned();
        let _ = self.answer.send(Err(ClientError::Connection(text)));
        None
    }
}

/// What handle and task share.
pub(crate) struct Shared {
    pub(crate) timeline: Mutex<Timeline>,
    pub(crate) updates: broadcast::Sender<Update>,
    pub(crate) tokens: Mutex<v1::Tokens>,
    /// Where the server is.
    pub(crate) gateways: Mutex<Gateways>,
    pub(crate) options: ConnectOptions,
    /// Held while pulling.
    pub(crate) pulls: tokio::sync::Mutex<()>,
    /// Number of the present session, or the last one; from 1.
    pub(crate) session: AtomicU64,
    /// The live rooms that this client is in.
    pub(crate) rooms: Mutex<HashMap<String, Weak<RoomState>>>,
    /// The people who are watched, and how they looked last.
    pub(crate) watched: Mutex<HashMap<u64, v1::Presence>>,
    /// Who writes where just now.
    pub(crate) typing: Mutex<Typing>,
    /// Told when waiting is over: this machine is in another network.
    pub(crate) moved: Notify,
}

impl Shared {
    pub(crate) fn tell(&self, update: Update) {
        // Nobody listening is fine.
        let _ = self.updates.send(update);
    }
}

/// How one connection ended.
enum Outcome {
    /// The application let go of its handle.
    Stopped,
    /// To be connected again, after a wait.
    Lost,
    /// The server sent us elsewhere.
    Moved,
    /// For good.
    Closed(CloseCode, String),
}

pub(crate) struct Driver {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::Receiver<Command>,
    session: ClientSession,
    /// Asked, and not answered.
    open: HashMap<u32, Command>,
    /// To be asked on the next connection, in order.
    again: Vec<Command>,
    failures: u32,
    /// When the token of this link has little left, by our clock.
    renew_at_ms: u64,
    /// Where the present link goes, or the last one went.
    address: Option<Address>,
    /// When the present link worked; 0 before.
    ready_ms: u64,
    /// When this link is to be left, as the server asked.
    leave_at_ms: u64,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, commands: mpsc::Receiver<Command>) -> Self {
        let token = shared.tokens.lock().access_token.clone();
        let hello = v1::Hello { token, client: CLIENT.to_owned(), ..Default::default() };
        Self {
            shared,
            commands,
            session: ClientSession::new(hello),
            open: HashMap::new(),
            again: Vec::new(),
            failures: 0,
            renew_at_ms: u64::MAX,
            address: None,
            ready_ms: 0,
            leave_at_ms: u64::MAX,
        }
    }

    /// Runs until the handle is dropped, or the server says stop.
    pub(crate) async fn run(mut self) {
        loop {
            let outcome = match self.prepare().await {
                Ok(link) => self.serve(link).await,
                Err(ClientError::Closed(code, text)) => Outcome::Closed(code, text),
                Err(error) => {
                    self.shared.tell(Update::Offline(error.to_string()));
                    Outcome::Lost
                }
            };
            match outcome {
                Outcome::Stopped => return,
                Outcome::Closed(code, text) => {
                    self.shared.tell(Update::Closed(code, text.clone()));
                    return self.refuse_everything(code, &text).await;
                }
                // A server that sends everybody away at once is not asked again at once.
                Outcome::Moved if self.ready_ms + STAY_MS <= now_ms() => {}
                Outcome::Moved | Outcome::Lost => {
                    if !self.back_off().await {
                        return;
                    }
                }
            }
        }
    }

    /// Answers what is open, and whatever is still asked, with the reason.
    async fn refuse_everything(&mut self, code: CloseCode, text: &str) {
        let refused = || Err(ClientError::Closed(code, text.to_owned()));
        for command in self.open.drain().map(|(_, command)| command).chain(self.again.drain(..)) {
            let _ = command.answer.send(refused());
        }
        while let Some(command) = self.commands.recv().await {
            let _ = command.answer.send(refused());
        }
    }

    /// Waits before the next attempt. False when there is nobody to work for.
    async fn back_off(&mut self) -> bool {
        if self.commands.is_closed() && self.commands.is_empty() && self.again.is_empty() {
            return false;
        }
        let ceiling = BACKOFF_MIN.saturating_mul(1 << self.failures.min(10)).min(BACKOFF_MAX);
        self.failures += 1;
        // Full jitter: a thousand clients of a restarted server do not come back at once.
        tokio::select! {
            () = sleep(ceiling.mul_f64(fastrand::f64())) => {}
            () = self.shared.moved.notified() => {}
        }
        true
    }

    /// A fresh token if the old one is ending, then a connection.
    async fn prepare(&mut self) -> Result<Link, ClientError> {
        let (expires_ms, refresh_token) = {
            let tokens = self.shared.tokens.lock();
            (tokens.access_expires_ms, tokens.refresh_token.clone())
        };
        if expires_ms < now_ms() + TOKEN_RESERVE_MS && !refresh_token.is_empty() {
            self.refresh(&refresh_token).await?;
        }
        self.resolve().await;
        let order = self.shared.gateways.lock().order(now_ms());
        let lost = |address: &Address, loss| match loss {
            Loss::Failed => self.shared.gateways.lock().failed(address, now_ms()),
            Loss::Overtaken => self.shared.gateways.lock().overtaken(address, now_ms()),
        };
        let hello = self.session.resuming_hello();
        let (address, link) = connect_first(order, &self.shared.options, hello.as_ref(), lost).await?;
        self.address = Some(address);
        Ok(link)
    }

    /// Asks where to connect, if nothing works and there is somebody to ask.
    async fn resolve(&self) {
        if !self.shared.gateways.lock().is_to_be_asked(now_ms()) {
            return;
        }
        if let Some(answer) = resolve(&self.shared.options).await {
            let named: Vec<String> = answer.gateways.into_iter().map(|gateway| gateway.address).collect();
            let valid_until_ms = now_ms() + u64::from(answer.validity_s) * 1_000;
            self.shared.gateways.lock().resolved(&named, &answer.fallback, valid_until_ms);
        }
    }

    async fn refresh(&mut self, refresh_token: &str) -> Result<(), ClientError> {
        let order = self.shared.gateways.lock().order(now_ms());
        let Some(address) = order.first() else { return Ok(()) };
        match account::refresh(address, &self.shared.options, refresh_token).await {
            Ok(tokens) => {
                self.session.set_token(tokens.access_token.clone());
                *self.shared.tokens.lock() = tokens;
                Ok(())
            }
            // Retrying will not help: the person has to log in.
            Err(ClientError::Refused(error)) if !error.retryable => {
                Err(ClientError::Closed(CloseCode::TokenRevoked, error.text.clone()))
            }
            Err(error) => {
                self.shared.gateways.lock().failed(address, now_ms());
                Err(error)
            }
        }
    }

    /// Works on one connection until it ends.
    async fn serve(&mut self, mut link: Link) -> Outcome {
        self.session.handle_connected(now_ms());
        if link.has_said_hello() {
            // It is the first frame, and has been taken.
            self.session.poll_frame(now_ms());
        }
        (self.ready_ms, self.leave_at_ms) = (0, u64::MAX);
        let mut frames = Vec::new();
        let outcome = loop {
            if let Some(outcome) = self.take_events() {
                break outcome;
            }
            while link.has_room()
                && let Some(frame) = self.session.poll_frame(now_ms())
            {
                if link.queue(&frame).is_err() {
                    break;
                }
            }
            // A connection that takes nothing holds up neither what comes nor the heartbeat.
            link.write_now().await;
            if self.leaves_at_ms() <= now_ms() {
                break Outcome::Moved;
            }
            let due = self.session.poll_timeout().map_or(1_000, |due| {
                due.min(self.renew_at_ms).min(self.leaves_at_ms()).saturating_sub(now_ms()).max(1)
            });
            tokio::select! {
                received = link.receive(&mut frames) => {
                    let now_ms = now_ms();
                    let good = frames.drain(..).all(|frame| self.session.handle_frame(now_ms, frame).is_ok());
                    if received.is_err() || !good {
                        break self.take_events().unwrap_or(Outcome::Lost);
                    }
                }
                command = self.commands.recv(), if link.has_room() => match command {
                    Some(command) => self.ask(command),
                    None => break Outcome::Stopped,
                },
                () = sleep(Duration::from_millis(due)) => {
                    self.session.handle_timeout(now_ms());
                    self.renew_in_time();
                    if self.session.poll_timeout().is_none() {
                        break Outcome::Lost;
                    }
                }
            }
        };
        self.session.handle_disconnected();
        self.take_events();
        if self.ready_ms == 0
            && matches!(outcome, Outcome::Lost)
            && let Some(address) = &self.address
        {
            self.shared.gateways.lock().failed(address, now_ms());
        }
        if !matches!(outcome, Outcome::Stopped) {
            self.shared.tell(Update::Offline("the connection was lost".to_owned()));
        }
        outcome
    }

    fn ask(&mut self, command: Command) {
        // What a link that is being left could not answer any more waits for the next one.
        if self.session.is_ready() && (command.once || self.leave_at_ms > now_ms()) {
            let id = self.session.request(&command.method, command.body.clone());
            self.open.insert(id, command);
        } else {
            self.again.extend(command.or_give_up());
        }
    }

    /// When this link is left: once it is time, and nothing is open any more.
    fn leaves_at_ms(&self) -> u64 {
        if self.open.is_empty() || self.leave_at_ms > now_ms() {
            self.leave_at_ms
        } else {
            self.leave_at_ms.saturating_add(LAST_ANSWERS_MS)
        }
    }

    /// A token that ends soon is refreshed by reconnecting: the session resumes, so it costs one round trip.
    fn renew_in_time(&mut self) {
        if self.renew_at_ms <= now_ms() {
            self.renew_at_ms = u64::MAX;
            self.shared.tokens.lock().access_expires_ms = 0;
            self.session.handle_disconnected();
        }
    }

    /// Acts on what the session says. `Some` when the connection is over.
    fn take_events(&mut self) -> Option<Outcome> {
        while let Some(event) = self.session.poll_event() {
            match event {
                ClientEvent::Ready(welcome) => self.ready(&welcome),
                ClientEvent::Response { id, result } => {
                    if let Some(command) = self.open.remove(&id) {
                        if let (Some(room), Ok(body)) = (&command.about, &result) {
                            room.joined(body, self.shared.session.load(Ordering::Relaxed));
                        }
                        let _ = command.answer.send(result.map_err(ClientError::Refused));
                    }
                }
                ClientEvent::Push { events, lagging } => self.pushed(&events, lagging),
                ClientEvent::Room(push) => {
                    let room = self.shared.rooms.lock().get(&push.room_id).and_then(Weak::upgrade);
                    if let Some(room) = room {
                        room.pushed(*push);
                    }
                }
                ClientEvent::GoAway(go_away) => self.sent_away(&go_away),
                ClientEvent::Closed(code, text) => return Some(self.closed(code, text)),
                ClientEvent::Lost(ids) => {
                    let mut lost: Vec<_> = ids.into_iter().filter_map(|id| self.open.remove_entry(&id)).collect();
                    lost.sort_unstable_by_key(|(id, _)| *id);
                    // In front of what was asked later: per-sender order holds over reconnects.
                    let later = std::mem::take(&mut self.again);
                    let lost = lost.into_iter().filter_map(|(_, command)| command.or_give_up());
                    self.again = lost.chain(later).collect();
                }
            }
        }
        None
    }

    /// The server asks us to leave: we do at a random moment within the time it gives, so that not everybody arrives elsewhere at once.
    fn sent_away(&mut self, go_away: &v1::GoAway) {
        let Some(address) = &self.address else { return };
        self.shared.gateways.lock().leave(address, &go_away.gateways, now_ms());
        self.leave_at_ms = now_ms() + fastrand::u64(..=u64::from(go_away.after_ms));
    }

    fn ready(&mut self, welcome: &v1::Welcome) {
        self.failures = 0;
        self.ready_ms = now_ms();
        if let Some(address) = &self.address {
            self.shared.gateways.lock().works(address);
        }
        // From the server's clock, whatever ours says; a fifth of the life is left for trying.
        let life_ms = welcome.token_expires_ms.saturating_sub(welcome.server_time_ms);
        self.renew_at_ms = if life_ms == 0 { u64::MAX } else { now_ms() + life_ms / 5 * 4 };
        if !welcome.resumed {
            self.shared.session.fetch_add(1, Ordering::Relaxed);
        }
        for command in std::mem::take(&mut self.again) {
            self.ask(command);
        }
        if !welcome.resumed {
            self.shared.timeline.lock().need_user();
        }
        self.shared.tell(Update::Online { resumed: welcome.resumed });
    }

    fn pushed(&mut self, events: &[v1::Event], lagging: bool) {
        let mut typing = self.shared.typing.lock();
        events.iter().for_each(|event| typing.take(event, now_ms()));
        drop(typing);
        let mut timeline = self.shared.timeline.lock();
        let changed: Vec<_> = events.iter().filter(|event| timeline.push(event)).cloned().collect();
        if lagging {
            timeline.need_user();
        }
        drop(timeline);
        for event in changed {
            self.shared.tell(Update::Event(Box::new(event)));
        }
        if lagging {
            self.shared.tell(Update::Missed);
        }
        self.shared.tell(Update::Needs);
    }

    fn closed(&mut self, code: CloseCode, text: String) -> Outcome {
        if matches!(code, CloseCode::Shutdown | CloseCode::Overloaded)
            && let Some(address) = &self.address
        {
            self.shared.gateways.lock().failed(address, now_ms());
        }
        match close_range(code) {
            CloseRange::Resume => Outcome::Lost,
            CloseRange::Reconnect => {
                if code == CloseCode::TokenExpired {
                    self.shared.tokens.lock().access_expires_ms = 0;
                } else {
                    self.session.forget();
                }
                if code == CloseCode::Overloaded {
                    self.failures = self.failures.max(OVERLOADED_FAILURES);
                }
                Outcome::Lost
            }
            CloseRange::Stop => Outcome::Closed(code, text),
        }
    }
}
