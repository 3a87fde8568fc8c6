//! The service layer from another node: what an access node asks over the bus, and how a service node answers.
//!
//! Access nodes are trusted to say who calls, as this process trusts its own access layer; whoever may publish on the bus is.

mod answer;
mod wire;

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use skein_bus::{Bus, CallError};
use skein_proto::{
    codec::Codec,
    outbox::KindSet,
    v1::{self, ErrorCode},
};

use self::wire::Question;
use crate::{
    Asking, Caller, Done, Failure, ServerKey,
    admin::EventLines,
    now_ms,
    presence::{self, Looks, OnlineReport},
    room::{
        key_of,
        report::{self, RoomReport, RoomStanding},
    },
};

pub use answer::answer_calls;

/// How long the limits are taken to be what they were, in milliseconds.
const LIMITS_KEPT_MS: u64 = 60_000;
/// Rooms of one report; with all their counters they stay below what NATS takes.
const REPORTS_MAX: usize = 128;

/// The service layer, as an access node has it.
pub struct RemoteService {
    bus: Arc<dyn Bus>,
    /// When they were last asked for, and what they were.
    limits: Mutex<Option<(u64, v1::Limits)>>,
    /// See [`RemoteService::new`].
    event_streams_max: u32,
}

impl RemoteService {
    /// Over this bus; so many streams of events may be open at once on this node.
    pub fn new(bus: Arc<dyn Bus>, event_streams_max: u32) -> Arc<Self> {
        Arc::new(Self { bus, limits: Mutex::default(), event_streams_max })
    }

    async fn ask(&self, key: Option<u64>, question: Question<'_>) -> Result<Bytes, v1::Error> {
        ask(&self.bus, key, question).await
    }

    pub(crate) async fn authenticate(&self, access_token: &str) -> Result<Caller, v1::Error> {
        self.open_link(access_token).await.map(|(caller, _)| caller)
    }

    pub(crate) async fn open_link(&self, access_token: &str) -> Result<(Caller, u64), v1::Error> {
        let answer = self.ask(None, Question::OpenLink { access_token }).await?;
        wire::decode_opened(answer).map_err(|_| unreadable())
    }

    pub(crate) async fn dispatch(
        &self,
        caller: Option<&Caller>,
        asking: Asking,
        room: Option<&str>,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> Result<Done, v1::Error> {
        // What is about a room goes straight to the node that keeps it.
        let key = room.map(key_of).or(caller.map(|caller| caller.user.0));
        let answered = pass_on(&self.bus, key, caller, asking, method, codec, body).await;
        answered.unwrap_or_else(|error| Err(failure(error).into()))
    }

    pub(crate) async fn report_rooms(&self, node: u64, reports: Vec<RoomReport>) -> Vec<RoomStanding> {
        report_elsewhere(&self.bus, node, reports).await
    }

    pub(crate) async fn look(&self, looks: Looks) -> Result<Vec<Vec<v1::Presence>>, v1::Error> {
        let answer = self.ask(None, Question::Look { looks }).await?;
        presence::wire::decode_looked(answer).map_err(|_| unreadable())
    }

    pub(crate) async fn report_online(&self, report: OnlineReport) -> Result<bool, v1::Error> {
        // The reports of one node keep their order: they all go to one place.
        let answer = self.ask(Some(report.node), Question::ReportOnline { report }).await?;
        Ok(answer.first() == Some(&1))
    }

    pub(crate) async fn authenticate_server(&self, key: Option<&str>) -> Result<ServerKey, v1::Error> {
        let answer = self.ask(None, Question::AuthenticateServer { key: key.map(Arc::from) }).await?;
        wire::decode_key(answer).map_err(|_| unreadable())
    }

    pub(crate) async fn dispatch_server(
        &self,
        key: &ServerKey,
        method: &str,
        codec: Codec,
        body: &[u8],
    ) -> Result<Bytes, v1::Error> {
        self.ask(None, Question::DispatchServer { key: key.clone(), relayed: false, method, codec, body }).await
    }

    pub(crate) fn event_streams_max(&self) -> usize {
        self.event_streams_max as usize
    }

    pub(crate) async fn open_events(&self, after: Option<u64>, kinds: &[String]) -> Result<(u64, KindSet), v1::Error> {
        let answer = self.ask(None, Question::OpenEvents { after, kinds: kinds.to_vec() }).await?;
        wire::decode_begin(answer).map_err(|_| unreadable())
    }

    pub(crate) async fn next_events(&self, after: u64, kinds: KindSet) -> Result<EventLines, v1::Error> {
        let answer = self.ask(None, Question::NextEvents { after, kinds }).await?;
        wire::decode_lines(answer).map_err(|_| unreadable())
    }

    pub(crate) async fn limits(&self) -> Result<v1::Limits, v1::Error> {
        let kept = self.limits.lock().clone();
        if let Some((since_ms, limits)) = &kept
            && since_ms + LIMITS_KEPT_MS > now_ms()
        {
            return Ok(limits.clone());
        }
        let fresh = match self.ask(None, Question::Limits).await {
            Ok(answer) => Codec::Binary.decode::<v1::Limits>(&answer).map_err(|_| unreadable()),
            Err(error) => Err(error),
        };
        match (fresh, kept) {
            (Ok(limits), _) => {
                *self.limits.lock() = Some((now_ms(), limits.clone()));
                Ok(limits)
            }
            // Old ones are better than none.
            (Err(_), Some((_, limits))) => Ok(limits),
            (Err(error), None) => Err(error),
        }
    }

    pub(crate) async fn ready(&self) -> Result<(), v1::Error> {
        self.ask(None, Question::Ready).await.map(drop)
    }
}

async fn ask(bus: &Arc<dyn Bus>, key: Option<u64>, question: Question<'_>) -> Result<Bytes, v1::Error> {
    let called = bus.call_within(key, question.encode(), question.patience()).await;
    let answer = called.map_err(|error| v1::Error::from(failure(error)))?;
    wire::decode_answer(answer).unwrap_or_else(|_| Err(unreadable()))
}

/// Has another service node run an operation, the one of this key. An error of the bus is told apart from an answer.
pub(crate) async fn pass_on(
    bus: &Arc<dyn Bus>,
    key: Option<u64>,
    caller: Option<&Caller>,
    asking: Asking,
    method: &str,
    codec: Codec,
    body: &[u8],
) -> Result<Result<Done, v1::Error>, CallError> {
    let question = Question::Dispatch { caller: caller.cloned(), asking, method, codec, body };
    let answer = bus.call_within(key, question.encode(), question.patience()).await?;
    Ok(done_of(answer))
}

fn done_of(answer: Bytes) -> Result<Done, v1::Error> {
    match wire::decode_answer(answer) {
        Ok(Ok(answer)) => wire::decode_done(answer).map_err(|_| unreadable()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(unreadable()),
    }
}

/// Has one particular service node run an operation, whose body is protobuf; `None` when it does not, or refuses.
pub(crate) async fn pass_to_node(
    bus: &Arc<dyn Bus>,
    node: u64,
    caller: &Caller,
    method: &str,
    body: &[u8],
) -> Option<Done> {
    let asking = Asking { relayed: true, ..Asking::default() };
    let question = Question::Dispatch { caller: Some(caller.clone()), asking, method, codec: Codec::Binary, body };
    done_of(bus.call_node(node, question.encode()).await.ok()?).ok()
}

/// The same for a business system.
pub(crate) async fn pass_on_for_server(
    bus: &Arc<dyn Bus>,
    place: u64,
    key: &ServerKey,
    method: &str,
    codec: Codec,
    body: &[u8],
) -> Result<Bytes, v1::Error> {
    ask(bus, Some(place), Question::DispatchServer { key: key.clone(), relayed: true, method, codec, body }).await
}

/// The live rooms that the other service nodes keep, with their members.
pub(crate) async fn list_rooms(bus: &Arc<dyn Bus>) -> Vec<(String, u64)> {
    let answers = bus.call_all(Question::ListRooms.encode()).await;
    let rooms = answers.into_iter().filter_map(|answer| {
        let answer = wire::decode_answer(answer).ok()?.ok()?;
        report::decode_rooms(answer).ok()
    });
    rooms.flatten().collect()
}

/// Has the other nodes that keep these rooms note what is said about them; those that cannot be reached are told again with the next report.
pub(crate) async fn report_elsewhere(bus: &Arc<dyn Bus>, node: u64, reports: Vec<RoomReport>) -> Vec<RoomStanding> {
    let mut standings = Vec::new();
    for (key, reports) in report::by_owner(bus.as_ref(), reports) {
        for reports in reports.chunks(REPORTS_MAX) {
            let question = Question::ReportRooms { node, reports: reports.to_vec() };
            match ask(bus, Some(key), question).await {
                Ok(answer) => standings.extend(report::decode_standings(answer).unwrap_or_default()),
                Err(error) => tracing::debug!(code = ?error.code, "the owner of rooms does not answer"),
            }
        }
    }
    standings
}

/// What it means to a client that there is no answer.
pub(crate) fn failure(error: CallError) -> Failure {
    let (code, text, retry_after_ms) = match error {
        CallError::Nobody => (ErrorCode::Unavailable, "the servers behind this one cannot be reached; try again", 500),
        CallError::Overloaded => (ErrorCode::Overloaded, "too much is waiting; try again shortly", 200),
        CallError::Unanswered => {
            (ErrorCode::Unavailable, "the answer was lost, it may have been done; repeat it with the same ids", 500)
        }
    };
    Failure { retry_after_ms, ..Failure::new(code, text) }
}

fn unreadable() -> v1::Error {
    Failure::internal("a node of another version answered what cannot be read").into()
}
